/*
 * The peer of the WebSocket benchmark on the npm package ws: as ws_peer, every
 * connection sends 64 bytes again as soon as they have come back, until it is
 * ended from outside.
 *
 *	node peer.mjs URL CONNECTIONS [idle]
 *
 * With "idle" it sends nothing.
 */
import WebSocket from "ws";

const [url, connections, idle] = process.argv.slice(2);
const payload = Buffer.alloc(64);

for (let i = 0; i < Number(connections); i++) {
	const socket = new WebSocket(url, { perMessageDeflate: false });

	if (!idle) {
		socket.on("open", () => socket.send(payload));
		socket.on("message", () => socket.send(payload));
	}
	socket.on("error", (error) => { throw error; });
}

/*
 * Real servers for the WebSocket tests: the npm packages ws and socket.io.
 * Prints their ports as one JSON line.
 */
import { createServer } from "node:http";
import { Server } from "socket.io";
import { WebSocketServer } from "ws";

const behaviours = {
	/* Answers once three of its pings have come back. */
	"/pings": (socket) => {
		let pongs = 0;

		socket.on("pong", () => {
			if (++pongs === 3)
				socket.send("three pongs");
			else if (pongs < 3)
				socket.ping(`ping ${pongs}`);
		});
		socket.on("message", () => socket.ping("first"));
	},
	"/fragments": (socket) => socket.on("message", (data) => {
		socket.send(data, { binary: false, fin: false });
		socket.ping("between");
		socket.send(" and ", { fin: false });
		socket.send("the rest", { fin: true });
	}),
	"/close": (socket) => socket.on("message",
	    () => socket.close(4005, "enough")),
	"/terminate": (socket) => socket.on("message",
	    () => socket.terminate()),
	"/big": (socket) => socket.on("message",
	    () => socket.send("x".repeat(3000000))),
};

function serve(socket, request) {
	const behave = behaviours[request.url];

	socket.on("error", () => {});
	if (behave)
		behave(socket);
	else
		socket.on("message", (data, binary) => socket.send(data,
		    { binary }));
}

const ws = createServer((request, response) => response.writeHead(426).end());
/* Compression is agreed on when a client asks for it. */
new WebSocketServer({ server: ws, perMessageDeflate: true,
	handleProtocols: (offered) => offered.has("chat.v2") ? "chat.v2" :
	    false,
	verifyClient: ({ req }, answer) => answer(req.url !== "/refuse",
	    401, "who are you"),
}).on("connection", serve);

const http = createServer();
const io = new Server(http, { pingInterval: 200, pingTimeout: 2000 });

io.use((socket, next) => next(socket.handshake.auth.token === "wrong" ?
    new Error("not with that token") : undefined));
for (const space of [io, io.of("/news")])
	space.on("connection", (socket) => {
		socket.on("join", (room, answer) => {
			socket.join(room);
			answer("joined", room);
		});
		socket.on("say", (room, text) => space.to(room).emit("said",
		    text, socket.handshake.auth.name ?? null));
		socket.on("add", (a, b, answer) => answer(a + b));
		socket.on("leave", () => socket.disconnect(false));
	});

const listen = (server) => new Promise((resolve) => server.listen(0,
    "127.0.0.1", () => resolve(server.address().port)));

console.log(JSON.stringify({ ws: await listen(ws), io: await listen(http) }));

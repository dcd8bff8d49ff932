/*
 * A peer of the MQTT benchmark on mqtt.js: as mosquitto_peer, every client
 * publishes again as soon as its PUBACK has come; after a second of warm-up
 * the CPU time and the acknowledgements of the given seconds are printed as
 * one JSON line.
 *
 *	node peer.mjs PORT CLIENTS SECONDS
 */
import mqtt from "mqtt";

const [port, clients, seconds] = process.argv.slice(2).map(Number);
const payload = Buffer.alloc(64);
let acknowledged = 0;

function publish(client) {
	client.publish("bench/x", payload, { qos: 1 }, (error) => {
		if (error)
			throw error;
		acknowledged++;
		publish(client);
	});
}

function sleep(s) {
	return new Promise((resolve) => setTimeout(resolve, s * 1000));
}

for (let i = 0; i < clients; i += 50) {
	const some = [];

	/* The broker's listen queue is short. */
	for (let n = i; n < Math.min(i + 50, clients); n++)
		some.push(mqtt.connectAsync(`mqtt://127.0.0.1:${port}`,
		    { protocolVersion: 5, reconnectPeriod: 0 }));
	(await Promise.all(some)).forEach(publish);
}
await sleep(1);
const before = acknowledged;
const start = process.cpuUsage();
await sleep(seconds);
const used = process.cpuUsage(start);
const count = acknowledged - before;
console.log(JSON.stringify({ acknowledged: count,
	cpu_us: (used.user + used.system) / count }));
process.exit(0);

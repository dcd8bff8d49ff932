//! The client: one socket for each user, questions one after the other.

mod message;
mod swarm;

use std::ffi::CStr;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::os::raw::{c_char, c_int};
use std::os::unix::io::AsRawFd;

use swarm::{Timer, User};

/// What a user keeps.  Of a box None is null, as swarm zeroes the slot.
pub type Session = Option<Box<UdpSocket>>;

fn open(target: &str) -> Result<UdpSocket, String> {
    let to: SocketAddr = target.parse().map_err(|_| "dns needs --host ADDRESS:PORT")?;
    let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    UdpSocket::bind(from)
        .and_then(|s| s.connect(to).map(|_| s))
        .and_then(|s| s.set_nonblocking(true).map(|_| s))
        .map_err(|e| format!("socket: {}", e.kind()))
}

/// Answers to questions that were given up are passed over.
fn ask(s: &UdpSocket, question: &[u8], id: u16, until: i64) -> Result<(u16, usize), String> {
    let mut bytes = [0; 4096];
    s.send(question).map_err(|e| format!("send: {}", e.kind()))?;
    loop {
        let n = match s.recv(&mut bytes) {
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                swarm::wait_readable(s.as_raw_fd(), until)
                    .map_err(|e| format!("receive: {}", e.kind()))?;
                continue;
            }
            other => other.map_err(|e| format!("receive: {}", e.kind()))?,
        };
        if let Some(count) = message::answer(&bytes[..n], id)? {
            return Ok((count, n));
        }
    }
}

unsafe fn session_of(u: *mut User, slot: &mut Session) -> Result<&UdpSocket, String> {
    if slot.is_none() {
        let target = CStr::from_ptr(swarm::swarm_host(u)).to_string_lossy();
        *slot = Some(Box::new(open(&target)?));
    }
    Ok(slot.as_ref().unwrap())
}

/// On a fiber of `u`; `slot` is the plugin's in that user, `name` a string.
#[no_mangle]
pub unsafe extern "C" fn dns_client_query(
    u: *mut User,
    slot: &mut Session,
    timeout: f64,
    name: *const c_char,
    kind: u16,
) -> c_int {
    let until = swarm::swarm_in(timeout);
    let id = swarm::swarm_below(u, 65536) as u16;
    let name = CStr::from_ptr(name).to_string_lossy();
    let timer = Timer::begin(u, "query");
    let result = message::question(id, &name, kind)
        .map_err(String::from)
        .and_then(|question| ask(session_of(u, slot)?, &question, id, until));

    match result {
        Ok((count, bytes)) => {
            timer.done(bytes);
            count.into()
        }
        Err(why) => timer.fail(&why),
    }
}

/// The user ends.
#[no_mangle]
pub extern "C" fn dns_client_close(_: *mut User, slot: &mut Session) {
    *slot = None;
}

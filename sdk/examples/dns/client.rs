//! The client: one socket for each user, questions one after the other.

mod message;
mod swarm;

use std::ffi::CStr;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::os::raw::{c_char, c_int};
use std::os::unix::io::AsRawFd;

use swarm::{Timer, User};

/// What a user keeps; the slot holds its address, or null.
pub struct Session {
    socket: UdpSocket,
}

impl Session {
    fn open(target: &str) -> Result<Session, String> {
        let to: SocketAddr = target
            .parse()
            .map_err(|_| "dns needs --host ADDRESS:PORT".to_string())?;
        let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(from)
            .and_then(|s| s.connect(to).map(|_| s))
            .and_then(|s| s.set_nonblocking(true).map(|_| s))
            .map_err(|e| format!("socket: {}", e.kind()))?;
        Ok(Session { socket })
    }

    /// Answers to questions that were given up are passed over.
    fn ask(&self, question: &[u8], id: u16, until: i64) -> Result<(u16, usize), String> {
        let mut bytes = [0; 4096];
        self.socket
            .send(question)
            .map_err(|e| format!("send: {}", e.kind()))?;
        loop {
            let n = match self.socket.recv(&mut bytes) {
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    swarm::wait_readable(self.socket.as_raw_fd(), until)
                        .map_err(|e| format!("receive: {}", e.kind()))?;
                    continue;
                }
                Err(e) => return Err(format!("receive: {}", e.kind())),
            };
            if let Some(count) = message::answer(&bytes[..n], id)? {
                return Ok((count, n));
            }
        }
    }
}

unsafe fn session_of<'a>(
    u: *mut User,
    slot: *mut *mut Session,
) -> Result<&'a Session, String> {
    if (*slot).is_null() {
        let target = CStr::from_ptr(swarm::swarm_host(u)).to_string_lossy();
        *slot = Box::into_raw(Box::new(Session::open(&target)?));
    }
    Ok(&**slot)
}

/// # Safety
/// On a fiber of `u`; `slot` is the plugin's in that user, `name` a string.
#[no_mangle]
pub unsafe extern "C" fn dns_client_query(
    u: *mut User,
    slot: *mut *mut Session,
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
        .and_then(|question| session_of(u, slot)?.ask(&question, id, until));

    match result {
        Ok((count, bytes)) => {
            timer.done(bytes);
            count.into()
        }
        Err(why) => {
            timer.fail(&why);
            -1
        }
    }
}

/// # Safety
/// `slot` is the plugin's in a user that ends.
#[no_mangle]
pub unsafe extern "C" fn dns_client_close(slot: *mut *mut Session) {
    if !(*slot).is_null() {
        drop(Box::from_raw(*slot));
        *slot = std::ptr::null_mut();
    }
}

//! What this plugin calls of swarm: <swarm/stats.h>, <swarm/fiber.h> and
//! <swarm/user.h>, and safe words for it.

use std::ffi::CString;
use std::os::raw::{c_char, c_int, c_uint};

/// A user; only ever seen by its address.
pub enum User {}

/// `struct swarm_timer`, which is frozen.
#[repr(C)]
pub struct Timer {
    user: *mut User,
    series: u32,
    state: u32,
    start: i64,
    lag: i64,
}

pub const READ: c_uint = 1;

extern "C" {
    fn swarm_begin(u: *mut User, kind: *const c_char, name: *const c_char) -> Timer;
    fn swarm_done(t: *mut Timer, bytes: usize) -> c_int;
    fn swarm_fail(t: *mut Timer, format: *const c_char, ...) -> c_int;
    fn swarm_wait_fd(fd: c_int, want: c_uint, deadline: i64) -> c_int;
    pub fn swarm_host(u: *mut User) -> *const c_char;
    pub fn swarm_in(seconds: f64) -> i64;
    pub fn swarm_below(u: *mut User, n: u64) -> u64;
}

impl Timer {
    /// A sample of type DNS begins; `u` is the user whose task is running.
    pub unsafe fn begin(u: *mut User, name: &str) -> Timer {
        let name = CString::new(name).unwrap_or_default();
        swarm_begin(u, b"DNS\0".as_ptr().cast(), name.as_ptr())
    }

    pub fn done(mut self, bytes: usize) {
        unsafe { swarm_done(&mut self, bytes) };
    }

    /// Always -1.
    pub fn fail(mut self, why: &str) -> c_int {
        let why = CString::new(why).unwrap_or_default();
        unsafe { swarm_fail(&mut self, b"%s\0".as_ptr().cast(), why.as_ptr()) }
    }
}

/// Lets other users run until `fd` may be read.
pub fn wait_readable(fd: c_int, deadline: i64) -> std::io::Result<()> {
    match unsafe { swarm_wait_fd(fd, READ, deadline) } {
        -1 => Err(std::io::Error::last_os_error()),
        _ => Ok(()),
    }
}

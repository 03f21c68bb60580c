//! What a process gives up before it touches what a stranger wrote. It cannot be taken back, and it holds whatever the
//! process is made to do by a fault in a reader.
//!
//! | what | by |
//! |---|---|
//! | rights of other programs, other processes' looks, core files | no_new_privs, not dumpable, `RLIMIT_CORE` |
//! | a life without its parent | `PR_SET_PDEATHSIG`, and the end of the socket |
//! | memory | `RLIMIT_AS` |
//! | files, descriptors, processes | `RLIMIT_NOFILE`, `RLIMIT_FSIZE`, `RLIMIT_NPROC`, landlock |
//! | every system call that reading does not need | seccomp |
//!
//! Landlock is there where the kernel has it; the rest is there, or nothing is read.

use super::calls;
use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};
use nix::{
    errno::Errno,
    sys::{
        prctl,
        resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit},
        signal::{SigSet, Signal},
    },
    unistd::close,
};
use seccompiler::BpfProgram;
use std::{
    fs::{self, File},
    io,
    os::fd::RawFd,
    path::{Path, PathBuf},
};

/// The rights that landlock is asked to take; what an older kernel does not know stays with seccomp.
const LANDLOCK: ABI = ABI::V6;

/// Address space that the program takes by itself, at the most, in bytes. Where it has more, what it reserved is
/// outside any limit set now.
const BASE_MAX: u64 = 1 << 30;

/// Open files of a program that reads pictures.
const PROGRAM_FILES: u64 = 64;

/// Where a program that reads pictures may read: itself, its libraries, its data.
const PROGRAM_READS: [&str; 13] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/fonts",
    "/dev/null",
    "/dev/urandom",
    "/sys/devices/system/cpu",
];

/// What the fence that was put up is made of, as far as that differs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fence {
    /// Whether the kernel has landlock.
    pub landlock: bool,
}

/// Why there is no fence, and so no reading.
#[derive(Debug, thiserror::Error)]
pub enum FenceError {
    /// The kernel refused a step.
    #[error("{step}: {error}")]
    Step {
        /// Which one.
        step: &'static str,
        /// What it said.
        error: Errno,
    },
    /// The state of this very process cannot be read.
    #[error("/proc/self/{file}: {error}")]
    Proc {
        /// Which file.
        file: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// Memory was reserved before it could be limited.
    #[error("{0} bytes of address space are taken already; is MIMALLOC_ARENA_RESERVE set?")]
    Base(u64),
    /// Landlock.
    #[error("landlock: {0}")]
    Landlock(#[from] RulesetError),
    /// Seccomp.
    #[error("seccomp: {0}")]
    Seccomp(#[from] seccompiler::Error),
    /// The filter for seccomp cannot be made.
    #[error("seccomp: {0}")]
    Filter(#[from] seccompiler::BackendError),
}

/// Puts the fence up around this process, which has one thread: it may talk on this socket, and take `memory` bytes.
///
/// Gives the process's own /proc/self/status, opened before, too.
///
/// # Errors
/// When a step fails; the process must then not read anything.
pub(super) fn around_worker(socket: RawFd, memory: u64) -> Result<(Fence, File), FenceError> {
    begin()?;
    close_inherited(socket)?;
    let status = File::open("/proc/self/status").map_err(|error| FenceError::Proc { file: "status", error })?;
    let base = address_space()?;
    if base > BASE_MAX {
        return Err(FenceError::Base(base));
    }
    let landlock = enforce(landlock()?)?;
    let limits = [
        (Resource::RLIMIT_AS, base.saturating_add(memory)),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NPROC, 0),
        (Resource::RLIMIT_NOFILE, 0),
    ];
    limit(&limits)?;
    let calls: BpfProgram = calls::worker(socket)?;
    seccompiler::apply_filter(&calls)?;
    Ok((Fence { landlock }, status))
}

/// Puts the fence up around this process, which is to become another program: it may read what stands in the system's
/// own directories, and take `memory` bytes and `seconds` of processor time.
///
/// # Errors
/// When a step fails; the program must then not be run.
pub(super) fn around_program(program: &Path, memory: u64, seconds: u64) -> Result<Fence, FenceError> {
    begin()?;
    close_inherited(-1)?;
    let own = program.parent().map(Path::to_owned).filter(|directory| directory.parent().is_some());
    let reads = PROGRAM_READS.iter().map(PathBuf::from).chain(own);
    let access = AccessFs::from_read(LANDLOCK);
    let landlock = enforce(landlock()?.add_rules(path_beneath_rules(reads, access))?)?;
    let limits = [
        (Resource::RLIMIT_AS, memory),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_CPU, seconds),
        (Resource::RLIMIT_NOFILE, PROGRAM_FILES),
    ];
    let calls = [calls::without_clone3()?, calls::program()?];
    limit(&limits)?;
    for calls in &calls {
        seccompiler::apply_filter(calls)?;
    }
    Ok(Fence { landlock })
}

/// What both have in common.
fn begin() -> Result<(), FenceError> {
    let step = |step| move |error| FenceError::Step { step, error };
    prctl::set_no_new_privs().map_err(step("no_new_privs"))?;
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(step("end with the parent"))?;
    prctl::set_dumpable(false).map_err(step("not dumpable"))?;
    limit(&[(Resource::RLIMIT_CORE, 0)])?;
    // A service manager or a terminal tells all processes to end; the daemon finishes what is under way first, and its
    // workers with it.
    let mut told = SigSet::empty();
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM] {
        told.add(signal);
    }
    told.thread_block().map_err(step("signals"))
}

/// Sets soft and hard limits, none above what it was.
fn limit(limits: &[(Resource, u64)]) -> Result<(), FenceError> {
    for (resource, most) in limits {
        let step = |error| FenceError::Step { step: "resource limits", error };
        let (_, hard) = getrlimit(*resource).map_err(step)?;
        let most = if hard == RLIM_INFINITY { *most } else { hard.min(*most) };
        setrlimit(*resource, most, most).map_err(step)?;
    }
    Ok(())
}

/// Closes every descriptor but the standard ones and the socket. The program opens none that a child inherits; whoever
/// started the program may have.
fn close_inherited(socket: RawFd) -> Result<(), FenceError> {
    let wrong = |error| FenceError::Proc { file: "fd", error };
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fd").map_err(wrong)? {
        open.extend(entry.map_err(wrong)?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2 && *descriptor != socket) {
        match close(descriptor) {
            // The one by which the directory was read is closed already.
            Ok(()) | Err(Errno::EBADF) => {}
            Err(error) => return Err(FenceError::Step { step: "inherited descriptors", error }),
        }
    }
    Ok(())
}

/// A ruleset that takes everything.
fn landlock() -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?
        .create()
}

fn enforce(rules: RulesetCreated) -> Result<bool, RulesetError> {
    Ok(rules.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
}

/// Address space of this process, in bytes (proc_pid_statm(5)).
fn address_space() -> Result<u64, FenceError> {
    let wrong = |error| FenceError::Proc { file: "statm", error };
    let text = fs::read_to_string("/proc/self/statm").map_err(wrong)?;
    let pages = text.split(' ').next().and_then(|pages| pages.parse::<u64>().ok());
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
    let page = page.and_then(|page| u64::try_from(page).ok());
    match (pages, page) {
        (Some(pages), Some(page)) => Ok(pages.saturating_mul(page)),
        _ => Err(wrong(io::ErrorKind::InvalidData.into())),
    }
}

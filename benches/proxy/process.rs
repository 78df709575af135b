//! What a process costs, as the operating system tells, and the cores that it runs on.

use std::fs;
use std::process::Command;
use std::time::Duration;

/// The CPU time that all threads of a process have had.
///
/// From the scheduler's own count in nanoseconds. `/proc/<pid>/stat` counts hundredths of a second,
/// which is coarser than a round.
pub fn cpu_time(pid: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs, on Linux");
    let of_task = |task: fs::DirEntry| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(tasks.filter_map(|task| of_task(task.ok()?)).sum())
}

/// Keeps all threads of a process on one core, away from the load.
pub fn pin(pid: u32, core: usize) {
    let done = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", &core.to_string(), &pid.to_string()])
        .output()
        .expect("taskset of util-linux can be run");
    assert!(done.status.success(), "taskset: {}", String::from_utf8_lossy(&done.stderr));
}

/// A command that runs on one core.
pub fn on_core(core: usize, program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &core.to_string(), program]);
    command
}

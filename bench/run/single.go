package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
)

// oneThread restricts the runtimes of all subjects to one thread: Go, OpenMP, the
// matrix libraries, XLA.
var oneThread = []string{
	"GOMAXPROCS=1",
	"OMP_NUM_THREADS=1",
	"MKL_NUM_THREADS=1",
	"OPENBLAS_NUM_THREADS=1",
	"XLA_FLAGS=--xla_cpu_multi_thread_eigen=false",
	"JAX_PLATFORMS=cpu",
	"CUDA_VISIBLE_DEVICES=",
}

// pin returns the command prefix that pins a process to one processor, the last that
// this process may use; nil if that isn't possible (it needs Linux and taskset).
//
// The variables alone aren't enough for XLA: with two processors, a compiled loop of
// small operations takes twice as long.
func pin() []string {
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return nil
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	cpu := lastCPU(string(status))
	if cpu == "" {
		return nil
	}
	return []string{taskset, "-c", cpu}
}

var allowedCPUs = regexp.MustCompile(`(?m)^Cpus_allowed_list:.*?(\d+)\s*$`)

// lastCPU returns the last allowed processor in /proc/self/status; "" if it isn't listed.
func lastCPU(status string) string {
	if m := allowedCPUs.FindStringSubmatch(status); m != nil {
		return m[1]
	}
	return ""
}

// alone restricts a command to one thread on one processor.
func (w *workshop) alone(args ...string) command {
	return command{args: slices.Concat(w.pin, args), dir: w.root, env: oneThread}
}

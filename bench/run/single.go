package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
)

// oneThread asks every runtime at work here for one thread: Go's, OpenMP's, the
// matrix libraries', XLA's.
var oneThread = []string{
	"GOMAXPROCS=1",
	"OMP_NUM_THREADS=1",
	"MKL_NUM_THREADS=1",
	"OPENBLAS_NUM_THREADS=1",
	"XLA_FLAGS=--xla_cpu_multi_thread_eigen=false",
	"JAX_PLATFORMS=cpu",
	"CUDA_VISIBLE_DEVICES=",
}

// pin gives what to put before a command so that it keeps to one processor, the
// last that this process may use; nothing where that can't be had (it takes
// Linux and its taskset).
// The variables alone aren't enough for XLA: as long as it may use two
// processors, a compiled loop of small operations takes it twice as long.
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

// lastCPU takes the last allowed processor out of /proc/self/status; "" if it
// isn't said there.
func lastCPU(status string) string {
	if m := allowedCPUs.FindStringSubmatch(status); m != nil {
		return m[1]
	}
	return ""
}

// alone makes a command keep to one thread on one processor.
func (w *workshop) alone(args ...string) command {
	return command{args: slices.Concat(w.pin, args), dir: w.root, env: oneThread}
}

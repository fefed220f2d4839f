package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
)

// machine describes the machine and the versions of a measurement.
type machine struct {
	System     string `json:"system"` // GOOS/GOARCH
	Processor  string `json:"processor"`
	Processors int    `json:"processors"`
	Pinned     bool   `json:"pinned"` // whether single-threaded measurements are pinned to one processor
	Load       struct {
		Before string `json:"before"` // load averages over 1, 5 and 15 minutes
		After  string `json:"after"`
	} `json:"load"`
	Go      string `json:"go"`
	Flowrun string `json:"flowrun"` // the commit
}

func (w *workshop) machine(ctx context.Context) machine {
	m := machine{
		System:     runtime.GOOS + "/" + runtime.GOARCH,
		Processor:  processor(ctx),
		Processors: runtime.NumCPU(),
		Pinned:     w.pin != nil,
		Go:         runtime.Version(),
		Flowrun:    "unknown",
	}
	m.Load.Before = loadAverage()
	c := command{args: []string{"git", "describe", "--always", "--dirty"}, dir: w.root}
	if out, err := c.output(ctx); err == nil {
		m.Flowrun = strings.TrimSpace(string(out))
	}
	return m
}

func (m machine) String() string {
	pinned := "not pinned to a processor"
	if m.Pinned {
		pinned = "pinned to one processor"
	}
	return fmt.Sprintf("%s, %d × %s, %s\nload averages before: %s; after: %s\nflowrun %s, %s",
		m.System, m.Processors, m.Processor, pinned, m.Load.Before, m.Load.After, m.Flowrun, m.Go)
}

var modelName = regexp.MustCompile(`(?m)^model name\s*:\s*(.+)$`)

// processor is the name that the system reports for its processor.
func processor(ctx context.Context) string {
	switch runtime.GOOS {
	case "linux":
		if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
			if m := modelName.FindSubmatch(info); m != nil {
				return string(m[1])
			}
		}
	case "darwin":
		if out, err := exec.CommandContext(ctx, "sysctl", "-n", "machdep.cpu.brand_string").Output(); err == nil {
			return strings.TrimSpace(string(out))
		}
	}
	return "unknown processor"
}

// loadAverage is Linux's load average.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if f := strings.Fields(string(text)); err == nil && len(f) >= 3 {
		return strings.Join(f[:3], " ")
	}
	return "unknown"
}

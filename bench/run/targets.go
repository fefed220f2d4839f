package main

import "strings"

// The groups of series, in the order of the report.
const (
	stepGroup    = "step"
	openclGroup  = "opencl"
	dataGroup    = "data"
	engineGroup  = "engine"
	checkGroup   = "check"
	processGroup = "process"
	runsGroup    = "runs"
	serveGroup   = "serve"
)

// The measured processes.
const (
	firstStep   = "run --max-steps 1"
	secondStart = "run --max-steps 1 --device opencl, second start"
	validate    = "validate"
)

// targets are the project's performance goals. A name includes its sub-benchmarks.
var targets = []struct {
	group, name, unit string
	limit             float64
}{
	{stepGroup, "flowrun", "µs", 5},
	{dataGroup, "limited", "MiB", 300},
	{dataGroup, "fashion_mnist", "%", 2},
	{runsGroup, "math_net, cost", "%", 2},
	{runsGroup, "an MLP, cost", "%", 2},
	{engineGroup, "Step", "allocations", 0},
	{engineGroup, "CleanDemand", "ns", 100},
	{engineGroup, "CleanDemand", "allocations", 0},
	{checkGroup, "Check", "ns", 500_000}, // 2,000 specs a second
	{checkGroup, "CheckDeep", "ns", 3e9},
	{processGroup, firstStep, "ms", 100},
	{processGroup, secondStart, "ms", 200},
	{processGroup, validate, "ms", 30},
	{serveGroup, "request", "µs", 200}, // 5,000 a second
}

// target returns the upper limit for a series, if there is one.
func (s *series) target() (float64, bool) {
	for _, t := range targets {
		name, _, _ := strings.Cut(s.Name, "/")
		if t.group == s.Group && t.unit == s.Unit && t.name == name {
			return t.limit, true
		}
	}
	return 0, false
}

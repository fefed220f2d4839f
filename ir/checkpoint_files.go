package ir

import (
	"fmt"
	"regexp"
	"strconv"
)

// BestFile is the checkpoint at which the metric of checkpoint.best was best.
const BestFile = "best.safetensors"

// CheckpointFile names the checkpoint of a step.
func CheckpointFile(step int64) string { return fmt.Sprintf("step-%09d.safetensors", step) }

var checkpointFiles = regexp.MustCompile(`^step-([0-9]{9,18})\.safetensors$`)

// StepOfFile reads a name that CheckpointFile gives.
func StepOfFile(name string) (int64, bool) {
	m := checkpointFiles.FindStringSubmatch(name)
	if m == nil {
		return 0, false
	}
	step, err := strconv.ParseInt(m[1], 10, 64)
	return step, err == nil && CheckpointFile(step) == name
}

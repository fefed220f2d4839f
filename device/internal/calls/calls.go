// Package calls turns calls into launches and commands, for all drivers.
package calls

import (
	"fmt"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/kernels"
)

// Launches makes the launches of a call, in order, with at most group threads in a group.
// With an error it returns those made so far.
func Launches[L any](call *device.Call, k *kernels.Kernel, group int, make func(kernels.Launch) (L, error)) (launches []L, err error) {
	inputs, output := call.Tensors()
	parts, err := k.Launches(inputs, output, call.Scalars, kernels.Limits{Group: group})
	if err != nil {
		return nil, err
	}
	for _, part := range parts {
		l, err := make(part)
		if err != nil {
			return launches, err
		}
		launches = append(launches, l)
	}
	return launches, nil
}

// Freed returns the error for work on freed memory.
func Freed(d device.Device, what string) error {
	return fmt.Errorf("device %s: %s uses memory that has been freed", d.Name(), what)
}

// Slices returns the slices that a launch of a call reads, and last the one it writes.
func Slices(call *device.Call, part kernels.Launch) []device.Slice {
	slices := make([]device.Slice, 0, len(part.Inputs)+1)
	for _, i := range part.Inputs {
		slices = append(slices, call.Buffers[i].Slice)
	}
	return append(slices, call.Buffers[len(call.Buffers)-1].Slice)
}

// Command returns a command that runs launches in order.
func Command[L device.Command](launches []L) device.Command {
	switch len(launches) {
	case 0:
		return Nothing
	case 1:
		return launches[0]
	}
	return Sequence[L](launches)
}

// Sequence runs several launches as one command.
type Sequence[L device.Command] []L

// Run queues the launches.
func (s Sequence[L]) Run() error {
	for _, l := range s {
		if err := l.Run(); err != nil {
			return err
		}
	}
	return nil
}

// Nothing is a command without work.
var Nothing none

type none struct{}

// Run does nothing.
func (none) Run() error { return nil }

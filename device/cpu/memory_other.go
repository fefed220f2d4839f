//go:build !linux && !darwin && !windows

package cpu

// machineMemory isn't known.
func machineMemory() int64 { return 0 }

//go:build !nogpu

package metal

import (
	"errors"

	"github.com/ebitengine/purego"
)

const isMac = true

// probe says why there is no real Metal device.
func probe() error {
	// Apple's documentation says that a program that isn't linked to Core Graphics has
	// no default device.
	if _, err := purego.Dlopen("/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics", purego.RTLD_NOW|purego.RTLD_GLOBAL); err != nil {
		return err
	}
	metal, err := purego.Dlopen("/System/Library/Frameworks/Metal.framework/Metal", purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return err
	}
	function, err := purego.Dlsym(metal, "MTLCreateSystemDefaultDevice")
	if err != nil {
		return err
	}
	// The device stays: it is the system's own, whoever asks.
	if device, _, _ := purego.SyscallN(function); device == 0 {
		return errors.New("the system has no default device")
	}
	return nil
}

var errMac = errors.New("a Mac has the real Metal")

func open(string) error { return errMac }

func invoke(string, string, int64) (int64, error) { return 0, errMac }

//go:build !nogpu

package metal

import (
	"errors"

	"github.com/ebitengine/purego"
)

const isMac = true

// probe returns the reason why there is no real Metal device.
func probe() error {
	// By Apple's documentation, a program not linked to Core Graphics has no default
	// device.
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
	// The device isn't released: the system owns it.
	if device, _, _ := purego.SyscallN(function); device == 0 {
		return errors.New("the system has no default device")
	}
	return nil
}

var errMac = errors.New("a Mac has the real Metal")

func open(string) error { return errMac }

func invoke(string, string, int64) (int64, error) { return 0, errMac }

//go:build !nogpu && amd64

package cuda

import (
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

func open(library string) error {
	_, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	return err
}

// probe returns the reason why a driver has no device.
func probe(library string) error {
	module, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return err
	}
	var count int32
	for _, step := range []struct {
		function string
		argument uintptr
	}{{"cuInit", 0}, {"cuDeviceGetCount", uintptr(unsafe.Pointer(&count))}} {
		function, err := purego.Dlsym(module, step.function)
		if err != nil {
			return err
		}
		if code, _, _ := purego.SyscallN(function, step.argument); code != 0 {
			return fmt.Errorf("%s: error %d", step.function, int32(code))
		}
	}
	if count == 0 {
		return fmt.Errorf("%s has no device", library)
	}
	return nil
}

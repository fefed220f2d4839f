//go:build !nogpu && (amd64 || arm64)

package metal

import (
	"errors"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

const isMac = false

// probe returns the reason why there is no real Metal device.
func probe() error { return errors.New("only macOS has Metal") }

func open(library string) error {
	_, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	return err
}

// library is the open fake.
var library = sync.OnceValues(func() (uintptr, error) {
	return purego.Dlopen(libraryName, purego.RTLD_NOW|purego.RTLD_LOCAL)
})

// invoke calls a function of the fake with a name and a number.
func invoke(function, name string, value int64) (int64, error) {
	l, err := library()
	if err != nil {
		return 0, err
	}
	address, err := purego.Dlsym(l, function)
	if err != nil {
		return 0, err
	}
	text := append([]byte(name), 0)
	result, _, _ := purego.SyscallN(address, uintptr(unsafe.Pointer(&text[0])), uintptr(value))
	runtime.KeepAlive(text)
	return int64(result), nil
}

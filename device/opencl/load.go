//go:build !nogpu && (linux || darwin || windows) && (amd64 || arm64)

package opencl

import (
	"fmt"
	"strings"
	"sync"

	"github.com/ebitengine/purego"
)

// load opens the loader, once for the process. It stays open: drivers leave
// threads behind that can't lose their code.
var load = sync.OnceValues(func() (*library, error) {
	var tried []string
	for _, name := range libraryNames {
		library, err := openLibrary(name)
		if err == nil {
			return library, nil
		}
		tried = append(tried, err.Error())
	}
	return nil, fmt.Errorf("no OpenCL loader was found: %s", strings.Join(tried, "; "))
})

// Libraries names what is opened to look for devices, in the order in which it is
// tried; none where there is nothing to open.
func Libraries() []string { return libraryNames }

func openLibrary(name string) (*library, error) {
	module, err := openModule(name)
	if err != nil {
		return nil, fmt.Errorf("%s (%w)", name, err)
	}
	l := &library{name: name}
	for f := range l.address {
		if l.address[f], err = findSymbol(module, functionNames[f]); err != nil {
			return nil, fmt.Errorf("%s (it has no %s: OpenCL 1.2 or newer is needed)", name, functionNames[f])
		}
	}
	return l, nil
}

// syscall calls a C function.
//
//go:uintptrescapes
func syscall(address uintptr, args ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(address, args...)
	return r
}

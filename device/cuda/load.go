//go:build !nogpu && (linux || windows) && (amd64 || arm64)

package cuda

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ebitengine/purego"
)

// loaded is the library once it has been found. It stays open: the driver leaves
// threads behind that can't lose their code.
var loaded struct {
	sync.Mutex
	library *library
}

// load opens the driver and NVRTC. What isn't there is looked for again the next
// time.
func load() (*library, error) {
	loaded.Lock()
	defer loaded.Unlock()
	if loaded.library != nil {
		return loaded.library, nil
	}
	l := &library{}
	var err error
	if l.name, err = l.open(driverNames, cuInit, nvrtcVersion); err != nil {
		return nil, fmt.Errorf("no CUDA driver was found: %w", err)
	}
	if l.compiler, err = l.open(compilerNames(), nvrtcVersion, functions); err != nil {
		l.missing = err.Error()
	}
	if err := l.call(cuInit, 0); err != nil {
		return nil, fmt.Errorf("%s is there, but doesn't start: %w", l.name, err)
	}
	loaded.library = l
	return l, nil
}

// Libraries names what is opened to look for devices, in the order in which it is
// tried; none where there is nothing to open.
func Libraries() []string { return slices.Concat(driverNames, compilerNames()) }

// open opens the first of several libraries that is there, and finds the
// functions from one up to another in it.
func (l *library) open(names []string, from, to function) (found string, _ error) {
	var tried []string
	for _, name := range names {
		err := l.find(name, from, to)
		if err == nil {
			return name, nil
		}
		tried = append(tried, fmt.Sprintf("%s (%v)", name, err))
	}
	return "", fmt.Errorf("%s", strings.Join(tried, "; "))
}

func (l *library) find(name string, from, to function) error {
	module, err := openModule(name)
	if err != nil {
		return err
	}
	var addresses [functions]uintptr
	for f := from; f < to; f++ {
		addresses[f], err = findSymbol(module, functionNames[f])
		if before := formerNames[f]; err != nil && before != "" {
			addresses[f], err = findSymbol(module, before)
		}
		if err != nil && !optional[f] {
			return fmt.Errorf("it has no %s: CUDA 11.4 or newer is needed", functionNames[f])
		}
	}
	copy(l.address[from:to], addresses[from:to])
	return nil
}

// syscall calls a C function.
//
//go:uintptrescapes
func syscall(address uintptr, args ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(address, args...)
	return r
}

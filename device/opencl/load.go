package opencl

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/flowrun/flowrun/device/internal/dynlib"
)

// Libraries names what is opened to look for devices, in the order in which it is
// tried; none where there is nothing to open.
func Libraries() []string {
	names := map[string][]string{
		"linux":   {"libOpenCL.so.1", "libOpenCL.so"},
		"darwin":  {"/System/Library/Frameworks/OpenCL.framework/OpenCL"},
		"windows": {"OpenCL.dll"},
	}[runtime.GOOS]
	if !dynlib.Available {
		return nil
	}
	return names
}

var loaded dynlib.Once[library]

// load opens the loader.
func load() (*library, error) { return loaded.Get(openLoader) }

func openLoader() (*library, error) {
	if !dynlib.Available {
		return nil, errors.New("this flowrun was built without GPU drivers (with -tags nogpu, or for a system that they aren't made for)")
	}
	var tried []string
	for _, name := range Libraries() {
		library, err := openLibrary(name)
		if err == nil {
			return library, nil
		}
		tried = append(tried, err.Error())
	}
	return nil, fmt.Errorf("no OpenCL loader was found: %s", strings.Join(tried, "; "))
}

func openLibrary(name string) (*library, error) {
	module, err := dynlib.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s (%w)", name, err)
	}
	l := &library{name: name}
	for _, function := range functions {
		address, err := dynlib.Symbol(module, function)
		if err != nil {
			return nil, fmt.Errorf("%s (it has no %s: OpenCL 1.2 or newer is needed)", name, function)
		}
		l.address = append(l.address, address)
	}
	return l.faulty(nil), nil
}

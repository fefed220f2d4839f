package cuda

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/flowrun/flowrun/device/internal/dynlib"
)

// Libraries lists the libraries to open when looking for devices, in order.
func Libraries() []string {
	if !dynlib.Available {
		return nil
	}
	return slices.Concat(driverNames(), compilerNames())
}

func driverNames() []string {
	return map[string][]string{"linux": {"libcuda.so.1", "libcuda.so"}, "windows": {"nvcuda.dll"}}[runtime.GOOS]
}

// compilerNames are NVRTC's file names, newest first. On Windows CUDA_PATH names its
// folder.
func compilerNames() (names []string) {
	switch runtime.GOOS {
	case "linux":
		return []string{"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so", "/usr/local/cuda/lib64/libnvrtc.so"}
	case "windows":
		for _, name := range []string{"nvrtc64_130_0.dll", "nvrtc64_120_0.dll", "nvrtc64_112_0.dll"} {
			if root := os.Getenv("CUDA_PATH"); filepath.IsAbs(root) {
				names = append(names, filepath.Join(root, "bin", "x64", name), filepath.Join(root, "bin", name))
			}
			names = append(names, name)
		}
	}
	return names
}

var loaded dynlib.Once[library]

// load opens the driver and NVRTC.
func load() (*library, error) { return loaded.Get(openLibraries) }

func openLibraries() (l *library, err error) {
	if len(Libraries()) == 0 {
		return nil, errors.New("this flowrun was built without GPU drivers (with -tags nogpu, or for a system that has no CUDA)")
	}
	l = &library{address: make([]uintptr, len(functions)), live: make([]atomic.Int64, len(functions))}
	if l.name, err = l.open(driverNames(), cuInit, nvrtcVersion); err != nil {
		return nil, fmt.Errorf("no CUDA driver was found: %w", err)
	}
	if l.compiler, err = l.open(compilerNames(), nvrtcVersion, function(len(functions))); err != nil {
		l.missing = err.Error()
	}
	if err := l.call(cuInit, 0); err != nil {
		return nil, fmt.Errorf("%s is installed, but can't be initialized: %w", l.name, err)
	}
	return l, nil
}

// open opens the first library that exists, and looks up a range of functions in it.
func (l *library) open(names []string, from, to function) (found string, _ error) {
	var tried []string
	for _, name := range names {
		err := l.find(name, from, to)
		if err == nil {
			return name, nil
		}
		tried = append(tried, fmt.Sprintf("%s (%s)", name, strings.TrimPrefix(err.Error(), name+": ")))
	}
	return "", fmt.Errorf("%s", strings.Join(tried, "; "))
}

func (l *library) find(name string, from, to function) error {
	module, err := dynlib.Open(name)
	if err != nil {
		return err
	}
	addresses := make([]uintptr, len(functions))
	for f := from; f < to; f++ {
		addresses[f], err = dynlib.Symbol(module, functions[f])
		if before := formerNames[f]; err != nil && before != "" {
			addresses[f], err = dynlib.Symbol(module, before)
		}
		if err != nil && !optional[f] {
			return fmt.Errorf("it has no %s: CUDA 11.4 or newer is needed", functions[f])
		}
	}
	copy(l.address[from:to], addresses[from:to])
	return nil
}

// Package cuda lets tests of CUDA run where there is no GPU.
//
// It builds a library that takes the driver's place, and one that takes NVRTC's,
// out of the C++ in src and the emulator of kernels in internal/fakegpu/emulator/cpp, and opens
// them under the real ones' names: whoever opens libcuda.so.1 in this process from
// then on gets the fake. It needs clang++-19. What src/fake.h says of the fake's
// strictness is why tests on it are worth having.
package cuda

import (
	"embed"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/flowrun/flowrun/internal/fakegpu/build"
)

// Devices is how many GPUs the fake driver has.
const Devices = 2

// Need makes sure that a test finds CUDA devices: real ones where there are any,
// else the fake's. The test is skipped where neither can be had. With
// FLOWRUN_TEST_GPU set, as scripts/test-gpu does, there must be a real one.
func Need(t testing.TB) {
	t.Helper()
	if err := real(); err != nil {
		if os.Getenv("FLOWRUN_TEST_GPU") != "" {
			t.Fatalf("FLOWRUN_TEST_GPU is set, and there is no GPU: %v", err)
		}
		if unfit := provide(); unfit != nil {
			t.Skipf("needs a CUDA device (%v) or the fake one (%v)", err, unfit)
		}
	}
}

//go:embed src
var sources embed.FS

// Loaded reports whether the devices are the fake's: Need has been called and has
// found no other.
func Loaded() bool { return loaded.Load() }

var loaded atomic.Bool

// real says why there is no real GPU.
var real = sync.OnceValue(func() error { return probe(driverName) })

// provide builds the fake, unless it has been built before, and opens it. That it
// can't be is an error; that it doesn't build, though the compiler is there, ends
// the test.
var provide = sync.OnceValue(func() error {
	folder, err := buildLibraries()
	if err != nil {
		return err
	}
	for _, name := range []string{driverName, nvrtcName} {
		if err := open(filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	loaded.Store(true)
	return nil
})

const driverName, nvrtcName = "libcuda.so.1", "libnvrtc.so.13"

// buildLibraries compiles the libraries.
func buildLibraries() (folder string, err error) {
	return build.Build("fake-cuda", sources, func(k build.Kit) []build.Command {
		library := func(name string, arguments ...string) build.Command {
			return build.Command{Arguments: slices.Concat(arguments, []string{
				"-std=c++17", "-O1", "-g1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-I", k.Emulator, "-Wl,-soname," + name, "-o", k.File(name)})}
		}
		nvrtc := filepath.Join(k.Sources, "src/nvrtc.cc")
		files, _ := filepath.Glob(k.Sources + "/src/*.cc") // the pattern is right
		files = slices.DeleteFunc(files, func(s string) bool { return s == nvrtc })
		return []build.Command{library(driverName, files...), library(nvrtcName, append(k.Defines, nvrtc)...)}
	})
}

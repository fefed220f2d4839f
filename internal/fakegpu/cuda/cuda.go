// Package cuda lets CUDA tests run without a GPU.
//
// It builds replacements for the driver and for NVRTC from the C++ in src and the kernel
// emulator in internal/fakegpu/emulator/cpp, and opens them under the real names: from
// then on, libcuda.so.1 in this process is the fake. It needs clang++-19. The fake is
// strict, which is what makes tests on it meaningful: see src/fake.h.
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

// Devices is the fake driver's number of GPUs.
const Devices = 2

// Need makes sure that a test finds CUDA devices: real ones if there are any, otherwise
// the fake's. The test is skipped if there are neither. With FLOWRUN_TEST_GPU set, as in
// scripts/test-gpu, a real one is required.
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

// Loaded reports whether the devices are the fake's, after Need has been called.
func Loaded() bool { return loaded.Load() }

var loaded atomic.Bool

// real returns the reason why there is no real GPU.
var real = sync.OnceValue(func() error { return probe(driverName) })

// provide builds the fake, unless it is cached, and opens it. A missing compiler is an
// error; a compile error panics.
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
		files, _ := filepath.Glob(k.Sources + "/src/*.cc") // the pattern is valid
		files = slices.DeleteFunc(files, func(s string) bool { return s == nvrtc })
		return []build.Command{library(driverName, files...), library(nvrtcName, append(k.Defines, nvrtc)...)}
	})
}

// Package fake lets tests of CUDA run where there is no GPU.
//
// It builds a library that takes the driver's place, and one that takes NVRTC's,
// out of the C++ in src and the emulator of kernels in kernels/emulator/cpp, and opens
// them under the real ones' names: whoever opens libcuda.so.1 in this process from
// then on gets the fake. It needs clang++-19. What src/fake.h says of the fake's
// strictness is why tests on it are worth having.
package fake

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// compilerName is what the tests' C++ is written for.
const compilerName = "clang++-19"

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
			t.Skipf("needs a CUDA device (%v), or what plays one (%v)", err, unfit)
		}
	}
}

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
	compiler, err := exec.LookPath(compilerName)
	if err != nil {
		return err
	}
	folder, err := build(compiler)
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

// build compiles the libraries into a folder that is named by all that they are
// built from, and that is kept.
func build(compiler string) (folder string, err error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	src, emulator := filepath.Join(root, "device/cuda/fake/src"), filepath.Join(root, "kernels/emulator/cpp")
	if _, err := os.Stat(filepath.Join(emulator, "emulator.cc")); err != nil {
		return "", err
	}
	hash := sha256.New()
	for _, pattern := range []string{src + "/*", emulator + "/*.cc", emulator + "/*.h"} {
		files, _ := filepath.Glob(pattern) // the pattern is right
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(hash, "%s %d %s", file, len(text), text)
		}
	}
	cache := os.Getenv("FLOWRUN_CACHE")
	if cache == "" {
		if cache, err = os.UserCacheDir(); err != nil {
			return "", err
		}
		cache = filepath.Join(cache, "flowrun")
	}
	sum := hash.Sum(nil)
	folder = filepath.Join(cache, "fake-cuda", fmt.Sprintf("%x", sum[:8]))
	if _, err := os.Stat(filepath.Join(folder, driverName)); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return "", err
	}
	// In a folder of its own first: others may be at it as well.
	fresh, err := os.MkdirTemp(filepath.Dir(folder), "new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	library := []string{"-std=c++17", "-O1", "-g1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-I", emulator}
	sources, _ := filepath.Glob(src + "/*.cc")
	nvrtc := filepath.Join(src, "nvrtc.cc")
	driver := append([]string{}, library...)
	for _, s := range sources {
		if s != nvrtc {
			driver = append(driver, s)
		}
	}
	for _, arguments := range [][]string{
		append(driver, "-Wl,-soname,"+driverName, "-o", filepath.Join(fresh, driverName)),
		append(library, nvrtc, "-Wl,-soname,"+nvrtcName, "-o", filepath.Join(fresh, nvrtcName),
			fmt.Sprintf("-DCOMPILER=%q", compiler), fmt.Sprintf("-DEMULATOR=%q", emulator), fmt.Sprintf("-DFOLDER=%q", folder),
			fmt.Sprintf("-DBUILD=%d", binary.LittleEndian.Uint32(sum)>>1)),
		{"-std=c++17", "-O2", "-g1", "-fPIC", "-c", filepath.Join(emulator, "emulator.cc"), "-o", filepath.Join(fresh, "emulator.o")},
	} {
		if out, err := exec.Command(compiler, arguments...).CombinedOutput(); err != nil {
			panic(fmt.Sprintf("the fake CUDA driver doesn't build: %v\n%s", err, out))
		}
	}
	if err := os.Rename(fresh, folder); err != nil {
		if _, there := os.Stat(folder); there != nil {
			return "", err
		}
	}
	return folder, nil
}

// moduleRoot is the folder of go.mod, above the tests' working folder.
func moduleRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		if parent := filepath.Dir(folder); parent != folder {
			folder = parent
			continue
		}
		return "", errors.New("the sources are not there")
	}
}

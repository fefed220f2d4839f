// Package fake lets tests of Metal run where there is no Mac.
//
// It builds a library that takes the place of Metal and of the Objective-C runtime,
// out of the Objective-C in src and the emulator of kernels in kernels/emulator/cpp,
// and opens it: whoever opens libflowrun-metal.so in this process from then on gets
// it. It needs clang++-19 and GNU's Objective-C runtime. What src/metal.h says of the
// fake's strictness is why tests on it are worth having.
//
// It shows that a program sends the messages that Apple's documentation has, with
// arguments that it allows, keeps to the rules of Objective-C's memory, and waits
// before it looks. It can't show what Apple's compiler makes of a source, how fast
// anything is, or how the memory of a real GPU behaves within a dispatch.
package fake

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// compilerName is what the tests' Objective-C and C++ are written for.
const compilerName = "clang++-19"

// runtimeName is GNU's Objective-C runtime.
const runtimeName = "libobjc.so.4"

// target is the compiler's argument for this processor. What runs on arm64 may be
// compiled elsewhere.
var target = map[string]string{"amd64": "-march=x86-64-v3", "arm64": "--target=aarch64-linux-gnu"}[runtime.GOARCH]

// libraryName is the name under which drivers open what this builds.
const libraryName = "libflowrun-metal.so"

// Need makes sure that a test finds Metal devices: real ones on a Mac, else the
// fake's. The test is skipped where neither can be had. With FLOWRUN_TEST_GPU set, as
// scripts/test-gpu does on a Mac, there must be a real one.
func Need(t testing.TB) {
	t.Helper()
	err := real()
	if err == nil {
		return
	}
	if os.Getenv("FLOWRUN_TEST_GPU") != "" && isMac {
		t.Fatalf("FLOWRUN_TEST_GPU is set, and there is no GPU: %v", err)
	}
	if unfit := provide(); unfit != nil {
		t.Skipf("needs a Metal device (%v), or what plays one (%v)", err, unfit)
	}
}

// Loaded reports whether the devices are the fake's: Need has been called and has
// found no other.
func Loaded() bool { return loaded.Load() }

var loaded atomic.Bool

// real says why there is no real GPU.
var real = sync.OnceValue(probe)

// provide builds the fake, unless it has been built before, and opens it. That it
// can't be is an error; that it doesn't build, though the compiler is there, ends
// the test.
var provide = sync.OnceValue(func() error {
	if isMac {
		return errors.New("the fake is for Linux")
	}
	compiler, err := exec.LookPath(compilerName)
	if err != nil {
		return err
	}
	if err := open(runtimeName); err != nil {
		return fmt.Errorf("on Debian, apt-get install libobjc4: %w", err)
	}
	folder, err := build(compiler)
	if err != nil {
		return err
	}
	if err := open(filepath.Join(folder, libraryName)); err != nil {
		return err
	}
	loaded.Store(true)
	return nil
})

// build compiles the library into a folder that is named by all that it is built
// from, and that is kept.
func build(compiler string) (folder string, err error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	src, emulator := filepath.Join(root, "device/metal/fake/src"), filepath.Join(root, "kernels/emulator/cpp")
	if _, err := os.Stat(filepath.Join(emulator, "emulator.cc")); err != nil {
		return "", err
	}
	hash := sha256.New()
	fmt.Fprintln(hash, target)
	for _, pattern := range []string{src + "/*", emulator + "/*.cc", emulator + "/*.h", emulator + "/metal/*"} {
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
	folder = filepath.Join(cache, "fake-metal", fmt.Sprintf("%x", hash.Sum(nil)[:8]))
	if _, err := os.Stat(filepath.Join(folder, libraryName)); err == nil {
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
	// As one text: most of the time goes into C++'s own headers.
	var all strings.Builder
	files, _ := filepath.Glob(src + "/*.mm")
	files = append(files, filepath.Join(src, "compile.cc"))
	for _, name := range []string{"tokens", "words", "declarations", "entries", "to_cpp"} {
		files = append(files, filepath.Join(emulator, "metal", name+".cc"))
	}
	for _, file := range files {
		fmt.Fprintf(&all, "#include %q\n", file)
	}
	for _, arguments := range [][]string{
		// With the runtime's own name: what installs it need not be a compiler of
		// Objective-C.
		{"-std=c++17", "-O1", "-g1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fvisibility=hidden", "-shared", "-x", "objective-c++", "-fobjc-runtime=gcc",
			target, "-I", src, "-I", emulator, "-I", filepath.Join(emulator, "metal"),
			fmt.Sprintf("-DCOMPILER=%q", compiler), fmt.Sprintf("-DTARGET=%q", target), fmt.Sprintf("-DEMULATOR=%q", emulator), fmt.Sprintf("-DFOLDER=%q", folder),
			"-", "-l:" + runtimeName, "-Wl,-z,defs", "-Wl,-soname," + libraryName, "-o", filepath.Join(fresh, libraryName)},
		{target, "-std=c++17", "-O2", "-g1", "-fPIC", "-c", filepath.Join(emulator, "emulator.cc"), "-o", filepath.Join(fresh, "emulator.o")},
	} {
		command := exec.Command(compiler, arguments...)
		command.Stdin = strings.NewReader(all.String())
		if out, err := command.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("the fake Metal doesn't build: %v\n%s", err, out))
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

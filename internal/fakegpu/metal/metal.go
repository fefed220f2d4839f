// Package metal lets Metal tests run without a Mac.
//
// It builds a replacement for Metal and the Objective-C runtime from the Objective-C in
// src and the kernel emulator in internal/fakegpu/emulator/cpp, and opens it: from then
// on, libflowrun-metal.so in this process is the fake. It needs clang++-19 and GNU's
// Objective-C runtime. The fake is strict, which is what makes tests on it meaningful:
// see src/metal.h.
//
// It shows that a program sends the messages of Apple's documentation with valid
// arguments, follows the rules of Objective-C's memory, and waits before it reads. It
// can't show what Apple's compiler makes of a source, how fast anything is, or how a real
// GPU's memory behaves within a dispatch.
package metal

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/flowrun/flowrun/internal/fakegpu/build"
)

// runtimeName is GNU's Objective-C runtime.
const runtimeName = "libobjc.so.4"

// libraryName is the name under which drivers open the fake.
const libraryName = "libflowrun-metal.so"

// Need makes sure that a test finds Metal devices: real ones on a Mac, otherwise the
// fake's. The test is skipped if there are neither. With FLOWRUN_TEST_GPU set, as in
// scripts/test-gpu on a Mac, a real one is required.
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
		t.Skipf("needs a Metal device (%v) or the fake one (%v)", err, unfit)
	}
}

//go:embed src
var sources embed.FS

// Loaded reports whether the devices are the fake's, after Need has been called.
func Loaded() bool { return loaded.Load() }

var loaded atomic.Bool

// real returns the reason why there is no real GPU.
var real = sync.OnceValue(probe)

// provide builds the fake, unless it is cached, and opens it. A missing compiler is an
// error; a compile error panics.
var provide = sync.OnceValue(func() error {
	if isMac {
		return errors.New("the fake is for Linux")
	}
	if err := open(runtimeName); err != nil {
		return fmt.Errorf("on Debian, apt-get install libobjc4: %w", err)
	}
	folder, err := buildLibraries()
	if err != nil {
		return err
	}
	if err := open(filepath.Join(folder, libraryName)); err != nil {
		return err
	}
	loaded.Store(true)
	return nil
})

// buildLibraries compiles the library as one translation unit, since most of the time
// goes into C++ headers. It links the runtime by file name, as its development package
// may not be installed.
func buildLibraries() (folder string, err error) {
	return build.Build("fake-metal", sources, func(k build.Kit) []build.Command {
		var text strings.Builder
		files, _ := filepath.Glob(k.Sources + "/src/*.mm") // the pattern is valid
		files = append(files, filepath.Join(k.Sources, "src/compile.cc"))
		for _, name := range []string{"tokens", "words", "declarations", "entries", "to_cpp"} {
			files = append(files, filepath.Join(k.Emulator, "metal", name+".cc"))
		}
		for _, s := range files {
			fmt.Fprintf(&text, "#include %q\n", s)
		}
		return []build.Command{{Input: text.String(), Arguments: append(k.Defines,
			"-std=c++17", "-O1", "-g1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fvisibility=hidden", "-shared", "-x", "objective-c++", "-fobjc-runtime=gcc",
			"-I", filepath.Join(k.Sources, "src"), "-I", k.Emulator, "-I", filepath.Join(k.Emulator, "metal"),
			"-", "-l:"+runtimeName, "-Wl,-z,defs", "-Wl,-soname,"+libraryName, "-o", k.File(libraryName))}}
	})
}

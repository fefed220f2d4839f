// Package metal lets tests of Metal run where there is no Mac.
//
// It builds a library that takes the place of Metal and of the Objective-C runtime,
// out of the Objective-C in src and the emulator of kernels in internal/fakegpu/emulator/cpp,
// and opens it: whoever opens libflowrun-metal.so in this process from then on gets
// it. It needs clang++-19 and GNU's Objective-C runtime. What src/metal.h says of the
// fake's strictness is why tests on it are worth having.
//
// It shows that a program sends the messages that Apple's documentation has, with
// arguments that it allows, keeps to the rules of Objective-C's memory, and waits
// before it looks. It can't show what Apple's compiler makes of a source, how fast
// anything is, or how the memory of a real GPU behaves within a dispatch.
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
		t.Skipf("needs a Metal device (%v) or the fake one (%v)", err, unfit)
	}
}

//go:embed src
var sources embed.FS

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

// buildLibraries compiles the library. It is one text, as most of the time goes into C++'s own
// headers, and is linked with the runtime by its name, as what installs that need not
// be a compiler of Objective-C.
func buildLibraries() (folder string, err error) {
	return build.Build("fake-metal", sources, func(k build.Kit) []build.Command {
		var text strings.Builder
		files, _ := filepath.Glob(k.Sources + "/src/*.mm") // the pattern is right
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

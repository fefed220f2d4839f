package emulator

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// A Metal source is preprocessed by the compiler, translated to C++ by the program in
// cpp/metal, and compiled after shim.h. For checks it is translated to C++ with address
// spaces.

// preprocessing are the compiler's arguments for expanding a source's macros.
func preprocessing(dir string) []string {
	return []string{"-E", "-Werror", "-x", "c++", "-std=c++14", "-undef", "-nostdinc", "-nostdinc++", "-D__METAL_VERSION__=300", "-I", filepath.Join(dir, "metal"), "-"}
}

// unexpanded disables warnings that clang suppresses inside macros, which have been
// expanded.
const unexpanded = "-Wno-tautological-compare"

// purpose is a way to translate a Metal source.
type purpose struct {
	name  string // its name for the translator
	flags []string
}

var (
	// MSL 3.0 is C++14 plus what is in shim.h.
	toRun = purpose{"running", slices.Concat(flags, []string{"-std=c++14", "-pedantic-errors", "-Xclang", "-ffloat16-excess-precision=none", unexpanded, "-x", "c++", "-shared"})}

	// Whether a source would compile as Metal. Clang has attributes for address spaces;
	// those of methods need C++23. OpenCL's C++ has address spaces and knows what is
	// read-only.
	toCheck = []purpose{
		{"attributes", []string{"-std=c++23", "-fsyntax-only", "-Werror", unexpanded, "-x", "c++", "-DSTRICT_ATTRIBUTES"}},
		{"opencl", []string{"-x", "clcpp", "-cl-std=clc++2021", "-target", "spir64", "-cl-no-stdinc", "-fsyntax-only", "-Werror", unexpanded, "-DSTRICT_OPENCL",
			"-Xclang", "-cl-ext=-all,+cl_khr_fp16,+__opencl_c_generic_address_space"}},
	}
)

// buildMetal compiles a module.
func buildMetal(clang, dir string, units []Unit, sanitizer Sanitizer) (string, error) {
	args := slices.Concat(toRun.flags, sanitizer.flags(), []string{"-include", filepath.Join(dir, "metal", "shim.h")})
	return compile(clang, args, text(units), "module", func(text string) (string, error) { return toCPP(clang, dir, toRun, text) })
}

// Check returns errors for what Metal forbids in units even if it runs: conversions
// between address spaces, writes to constant memory, and so on. Sources that passed
// before aren't checked again.
func Check(units []Unit) error {
	modules := modulesOf(units)
	return forEach(modules, func(i int, clang, dir string) error {
		source := text(modules[i])
		var problems []error
		for _, p := range toCheck {
			problems = append(problems, check(clang, dir, p, source))
		}
		return errors.Join(problems...)
	})
}

// check compiles a source for one purpose.
func check(clang, dir string, p purpose, source string) error {
	args := append(slices.Clone(p.flags), "-include", filepath.Join(dir, "metal", "shim.h"), "-")
	_, err := remember("checked", fmt.Sprintf("%q\n%s", args, source), func(path string) error {
		cpp, err := toCPP(clang, dir, p, source)
		if err != nil {
			return err
		}
		if _, err := filter(clang, args, cpp); err != nil {
			return err
		}
		return os.WriteFile(path, nil, 0o644)
	})
	return err
}

// toCPP translates a source to C++.
func toCPP(clang, dir string, p purpose, text string) (string, error) {
	translator, err := translator()
	if err != nil {
		return "", err
	}
	preprocessed, err := filter(clang, preprocessing(dir), text)
	if err != nil {
		return "", err
	}
	return filter(translator, []string{p.name}, preprocessed)
}

// translator builds the program that translates Metal to C++.
var translator = sync.OnceValues(func() (string, error) {
	clang, err := Compiler()
	if err != nil {
		return "", err
	}
	dir, err := Unpack()
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for _, file := range []string{"tokens", "words", "declarations", "entries", "to_cpp", "main"} {
		all.WriteString("#include \"" + file + ".cc\"\n")
	}
	return compile(clang, []string{"-std=c++17", "-O1", "-I", filepath.Join(dir, "metal"), "-x", "c++"}, all.String(), "to_cpp", nil)
})

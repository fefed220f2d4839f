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

// A Metal source is preprocessed by the compiler, then made C++ by the program whose
// text is in cpp/metal, then compiled after shim.h, the library that it expects. To be
// checked only, it is made other C++, in which address spaces are a part of types.

// preprocessing are the compiler's arguments that a source's own macros are gone after.
func preprocessing(dir string) []string {
	return []string{"-E", "-Werror", "-x", "c++", "-std=c++14", "-undef", "-nostdinc", "-nostdinc++", "-D__METAL_VERSION__=300", "-I", filepath.Join(dir, "metal"), "-"}
}

// unexpanded are warnings that clang gives only outside of macros, which are gone.
const unexpanded = "-Wno-tautological-compare"

// purpose is what a Metal source is made C++ for.
type purpose struct {
	name  string // as the translating program calls it
	flags []string
}

var (
	// MSL 3.0 is C++14, and what it adds is in shim.h.
	toRun = purpose{"running", slices.Concat(flags, []string{"-std=c++14", "-pedantic-errors", "-Xclang", "-ffloat16-excess-precision=none", unexpanded, "-x", "c++", "-shared"})}

	// Whether a source could be compiled as Metal. Clang has attributes for address
	// spaces; that a method's object is in one needs the C++ of 2023. OpenCL's C++ has
	// them in the language, and knows what is read-only.
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

// Check says what in Metal units the language forbids though they can be run: pointers
// that go from one address space to another, writing to constant memory, and so on.
// What was found right before isn't looked at again.
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

// check reads a source for one purpose.
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

// toCPP makes C++ of a source.
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

// translator builds the program that makes C++ of Metal.
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

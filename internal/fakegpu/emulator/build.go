package emulator

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/kernels"
)

// CompilerName is the compiler whose warnings, sanitizers and code are known to work.
const CompilerName = "clang++-19"

// Compiler finds the compiler. The error says what is missing.
func Compiler() (string, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return "", fmt.Errorf("the emulator is built for linux/amd64, not for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	path, err := exec.LookPath(CompilerName)
	if err != nil {
		return "", fmt.Errorf("%s isn't there: on Debian, apt-get install clang-19", CompilerName)
	}
	return path, nil
}

// flags are the compiler's arguments for kernels in any language.
var flags = []string{"-O1", "-g1", "-fPIC", "-fno-strict-aliasing", "-ffp-contract=off", "-march=x86-64-v3", "-Werror", "-Wno-pass-failed"}

// Sanitizer is a clang sanitizer for kernels.
type Sanitizer string

// The sanitizers.
const (
	None Sanitizer = ""
	// Undefined detects accesses out of bounds and undefined behaviour: overflow,
	// excessive shifts, misaligned addresses, floats out of an integer's range.
	Undefined Sanitizer = "address,undefined,float-cast-overflow"
	// Thread detects accesses that no barrier orders.
	Thread Sanitizer = "thread"
)

func (s Sanitizer) flags() []string {
	if s == None {
		return nil
	}
	return []string{"-fsanitize=" + string(s), "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"}
}

// Unit is a kernel for one set of definitions.
type Unit struct {
	Name     string // its name for Process.Launch
	Language string // "cuda" (also if empty) or "metal"
	Source   kernels.Source
	Defines  []string // NAME=VALUE
	Entry    string   // the kernel's function
}

// Build compiles units into modules, several at a time, and returns the modules' paths.
// Modules are cached by everything they depend on. The error joins the compiler's
// messages, with file and line.
func Build(units []Unit, sanitizer Sanitizer) ([]string, error) {
	modules := modulesOf(units)
	paths := make([]string, len(modules))
	return paths, forEach(modules, func(i int, clang, dir string) (err error) {
		if modules[i][0].Language == "metal" {
			paths[i], err = buildMetal(clang, dir, modules[i], sanitizer)
			return err
		}
		args := slices.Concat(flags, sanitizer.flags(), []string{"-std=c++17", "-x", "c++", "-shared", "-include", filepath.Join(dir, "cuda.h")})
		paths[i], err = compile(clang, args, text(modules[i]), "module", nil)
		return err
	})
}

// modulesOf groups units into modules: those of one kernel, or all fused kernels that end
// in the same file.
func modulesOf(units []Unit) (modules [][]Unit) {
	byFile := map[string]int{}
	for _, u := range units {
		file := u.Language + ":" + ownFile(u.Source.Files)
		i, ok := byFile[file]
		if !ok {
			i = len(modules)
			byFile[file] = i
			modules = append(modules, nil)
		}
		modules[i] = append(modules[i], u)
	}
	return modules
}

// headers counts the headers at the start of a source that don't depend on dtypes.
func headers(files []kernels.File) int {
	n := 0
	for n < len(files)-1 && isHeader(files[n]) && !files[n].Typed {
		n++
	}
	return n
}

func isHeader(f kernels.File) bool { return strings.HasSuffix(f.Name, ".h") }

// ownFile names the first file after the headers, or the last file if that one is
// generated, as in fused kernels.
func ownFile(files []kernels.File) string {
	for _, f := range files {
		if !isHeader(f) && !f.Generated {
			return f.Name
		} else if f.Generated {
			break
		}
	}
	return files[len(files)-1].Name
}

// forEach processes modules, several at a time, and joins the errors.
func forEach(modules [][]Unit, do func(i int, clang, dir string) error) error {
	clang, err := Compiler()
	if err != nil {
		return err
	}
	dir, err := Unpack()
	if err != nil {
		return err
	}
	problems := make([]error, len(modules))
	var all sync.WaitGroup
	slots := make(chan struct{}, runtime.NumCPU())
	for i := range modules {
		all.Add(1)
		go func() {
			defer all.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			problems[i] = do(i, clang, dir)
		}()
	}
	all.Wait()
	return errors.Join(problems...)
}

var definitions = regexp.MustCompile(`(?m)^#define (\w+)`)

// text is the source of a module: the common headers once, then each unit's own files, in
// a namespace.
func text(units []Unit) string {
	common := headers(units[0].Source.Files)
	for _, u := range units {
		common = min(common, headers(u.Source.Files))
		for i := range common {
			if u.Source.Files[i] != units[0].Source.Files[i] {
				common = i
				break
			}
		}
	}
	var b strings.Builder
	files := func(files []kernels.File) {
		for _, f := range files {
			fmt.Fprintf(&b, "#line 1 %q\n%s\n", f.Name, f.Text)
		}
	}
	files(units[0].Source.Files[:common])
	for i, u := range units {
		for _, d := range u.Defines {
			name, value, _ := strings.Cut(d, "=")
			fmt.Fprintf(&b, "#undef %s\n#define %[1]s %s\n", name, value)
		}
		if u.Language == "metal" {
			fmt.Fprintf(&b, "#pragma emulator name %q\nnamespace unit%d {\n", u.Name, i)
			files(u.Source.Files[common:])
			b.WriteString("}\n")
		} else {
			fmt.Fprintf(&b, "#define %s unit%d_%[1]s\nnamespace unit%[2]d {\n", u.Entry, i)
			files(u.Source.Files[common:])
			fmt.Fprintf(&b, "}\nEMULATE_AS(unit%d::%s, %q)\n#undef %[2]s\n", i, u.Entry, u.Name)
		}
		for _, f := range u.Source.Files[common:] {
			if f.Generated { // its macros are redefined by the next one
				for _, m := range definitions.FindAllStringSubmatch(f.Text, -1) {
					fmt.Fprintf(&b, "#undef %s\n", m[1])
				}
			}
		}
	}
	return b.String()
}

// runner builds the process that runs kernels.
func runner(sanitizer Sanitizer) (string, error) {
	clang, err := Compiler()
	if err != nil {
		return "", err
	}
	dir, err := Unpack()
	if err != nil {
		return "", err
	}
	args := slices.Concat(sanitizer.flags(), []string{"-std=c++17", "-O2", "-g1", "-rdynamic", "-I", dir, "-x", "c++"})
	return compile(clang, args, "#include \"emulator.cc\"\n#include \"runner.cc\"\n", "runner", nil)
}

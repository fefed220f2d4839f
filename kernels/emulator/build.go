package emulator

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/kernels"
)

// compiler is the one whose warnings, sanitizers and code are known to serve.
const compiler = "clang++-19"

// Compiler finds the compiler. The error says what is missing.
func Compiler() (string, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return "", fmt.Errorf("the emulator switches fibers on linux/amd64, not on %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	path, err := exec.LookPath(compiler)
	if err != nil {
		return "", fmt.Errorf("%s isn't there: on Debian, apt-get install clang-19", compiler)
	}
	return path, nil
}

// Flags are the compiler's for a kernel, but for -include cuda.h and definitions.
var Flags = []string{"-std=c++17", "-O1", "-g1", "-fPIC", "-fno-strict-aliasing", "-ffp-contract=off", "-march=x86-64-v3", "-Werror", "-Wno-pass-failed"}

// Sanitizer is what watches kernels while they run.
type Sanitizer string

// The sanitizers.
const (
	None    Sanitizer = ""
	Address Sanitizer = "address" // finds accesses beyond memory
	Thread  Sanitizer = "thread"  // finds accesses that no barrier puts in an order
)

func (s Sanitizer) flags() []string {
	if s == None {
		return nil
	}
	return []string{"-fsanitize=" + string(s), "-fno-omit-frame-pointer"}
}

//go:embed cpp
var sources embed.FS

// Unpack puts the C++ files of the emulator into a folder of the cache and gives
// its path.
var Unpack = sync.OnceValues(func() (string, error) {
	files, err := fs.Glob(sources, "cpp/*")
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	contents := map[string][]byte{}
	for _, name := range files {
		text, err := sources.ReadFile(name)
		if err != nil {
			return "", err
		}
		contents[path.Base(name)] = text
		fmt.Fprintf(hash, "%s %d %s", name, len(text), text)
	}
	dir, err := cached("cpp-" + hex.EncodeToString(hash.Sum(nil)[:8]))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	forgetUnused(filepath.Dir(dir))
	for name, text := range contents {
		if err := write(filepath.Join(dir, name), text); err != nil {
			return "", err
		}
	}
	return dir, nil
})

// forgetUnused removes from the cache what nobody has used for a month. What can't
// be removed stays.
func forgetUnused(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && !e.IsDir() && time.Since(info.ModTime()) > 30*24*time.Hour {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// cached is the path of something in the cache: in $FLOWRUN_CACHE, or where the
// user's caches are.
func cached(name string) (string, error) {
	dir := os.Getenv("FLOWRUN_CACHE")
	if dir == "" {
		var err error
		if dir, err = os.UserCacheDir(); err != nil {
			return "", err
		}
		dir = filepath.Join(dir, "flowrun")
	}
	return filepath.Join(dir, "emulator", name), nil
}

// write makes a file appear whole or not at all.
func write(file string, content []byte) error {
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, content) {
		return nil
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file))
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
	}
	return err
}

// Unit is a kernel for one choice of definitions.
type Unit struct {
	Name    string // what Process.Launch calls it
	Source  kernels.Source
	Defines []string // NAME=VALUE
	Entry   string   // the kernel's function
}

// Build compiles units into a module each of those whose last file is the same,
// several at a time, and gives the modules' paths. Modules are kept in the cache by
// all that they depend on. The error joins what the compiler says of each, with
// file and line.
func Build(units []Unit, sanitizer Sanitizer) ([]string, error) {
	clang, err := Compiler()
	if err != nil {
		return nil, err
	}
	dir, err := Unpack()
	if err != nil {
		return nil, err
	}
	var modules [][]Unit
	byFile := map[string]int{}
	for _, u := range units {
		file := u.Source.Files[len(u.Source.Files)-1].Name
		i, ok := byFile[file]
		if !ok {
			i = len(modules)
			byFile[file] = i
			modules = append(modules, nil)
		}
		modules[i] = append(modules[i], u)
	}
	paths, problems := make([]string, len(modules)), make([]error, len(modules))
	var all sync.WaitGroup
	slots := make(chan struct{}, runtime.NumCPU())
	for i, m := range modules {
		all.Add(1)
		go func() {
			defer all.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			args := slices.Concat(Flags, sanitizer.flags(), []string{"-x", "c++", "-shared", "-include", filepath.Join(dir, "cuda.h")})
			paths[i], problems[i] = compile(clang, args, text(m), "module")
		}()
	}
	all.Wait()
	return paths, errors.Join(problems...)
}

// text is the source of a module: what comes first in all units once, and then
// each unit's own, in a namespace.
func text(units []Unit) string {
	common := len(units[0].Source.Files) - 1
	for _, u := range units {
		common = min(common, len(u.Source.Files)-1)
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
		fmt.Fprintf(&b, "#define %s unit%d_%[1]s\nnamespace unit%[2]d {\n", u.Entry, i)
		files(u.Source.Files[common:])
		fmt.Fprintf(&b, "}\nEMULATE_AS(unit%d::%s, %q)\n#undef %[2]s\n", i, u.Entry, u.Name)
	}
	return b.String()
}

// version is what the compiler says of itself.
var version = sync.OnceValues(func() (string, error) {
	said, err := exec.Command(compiler, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", compiler, err)
	}
	return string(said), nil
})

// compile compiles a text, or finds what it gave before.
func compile(clang string, args []string, text, kind string) (string, error) {
	version, err := version()
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256([]byte(fmt.Sprintf("%s\n%q\n%s", version, args, text)))
	result, err := cached(kind + "-" + hex.EncodeToString(hash[:12]))
	if err != nil {
		return "", err
	}
	if err := os.Chtimes(result, time.Time{}, time.Now()); err == nil {
		return result, nil // and it says that it was used
	}
	if err := os.MkdirAll(filepath.Dir(result), 0o755); err != nil {
		return "", err
	}
	temporary := fmt.Sprintf("%s.%d", result, os.Getpid())
	defer os.Remove(temporary)
	command := exec.Command(clang, append(slices.Clone(args), "-", "-o", temporary)...)
	command.Stdin = strings.NewReader(text)
	if said, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", clang, err, said)
	}
	return result, os.Rename(temporary, result)
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
	return compile(clang, args, "#include \"emulator.cc\"\n#include \"runner.cc\"\n", "runner")
}

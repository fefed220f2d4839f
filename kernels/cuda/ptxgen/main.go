// Command ptxgen compiles the CUDA kernels to PTX with clang, for machines that have
// NVIDIA's driver and not its compiler. In the folder kernels:
//
//	go generate .
//
// writes cuda/ptx/NAME.gz, a file for each kernel with its default specialisations
// (see [defaults]), and cuda/ptx/compiler, the version of clang that made them.
// Files that are current are left as they are. A test says which aren't.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/kernels/compile"
)

const compiler = "clang++-19"

func main() {
	if err := generate(filepath.Join("cuda", "ptx")); err != nil {
		fmt.Fprintln(os.Stderr, "ptxgen:", err)
		os.Exit(1)
	}
}

// generate brings a folder up to date.
func generate(dir string) error {
	version, err := compilerVersion()
	if err != nil {
		return err
	}
	all, err := texts(version)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := compile.Parallel(len(all), func(i int) error { return all[i].write(dir) }); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "compiler"), []byte(version+"\n"), 0o644)
}

// compilerVersion is the first line of what the compiler says of itself.
func compilerVersion() (string, error) {
	said, err := exec.Command(compiler, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w; on Debian, apt-get install clang-19", compiler, err)
	}
	line, _, _ := strings.Cut(string(said), "\n")
	return line, nil
}

// file is a kernel's file: its specialisations.
type file struct {
	name string
	all  []specialisation
}

// specialisation is a kernel for one choice of definitions.
type specialisation struct {
	defines []string
	source  string
	hash    string // of all that it is made of but comments
}

// mark is the line before its text.
func (s *specialisation) mark() string {
	return kernels.PTXMark + strings.Join(s.defines, " ") + " " + s.hash + "\n"
}

// texts lists what there is to compile.
func texts(version string) ([]file, error) {
	m, err := kernels.Load()
	if err != nil {
		return nil, err
	}
	var all []file
	for _, k := range m.Kernels() {
		if !k.In("cuda") {
			continue
		}
		k = k.For("cuda")
		source, err := kernels.Embedded().Source("cuda", k)
		if err != nil {
			return nil, err
		}
		text := source.Joined()
		f := file{name: k.Name + ".gz"}
		for _, defines := range defaults(k) {
			hash := sha256.Sum256(fmt.Appendf(nil, "%s\n%q\n%q\n%q\n%s", version, compile.CUDA, code(compile.Header), defines, code(text)))
			f.all = append(f.all, specialisation{defines, text, hex.EncodeToString(hash[:8])})
		}
		all = append(all, f)
	}
	return all, nil
}

// comments and the blank lines that they leave change no code.
var (
	comments = regexp.MustCompile(`[ \t]*//[^\n]*\n`)
	blank    = regexp.MustCompile(`\n+`)
)

// code is a text without comments, which nothing need be compiled anew for.
func code(text string) string {
	return blank.ReplaceAllString(comments.ReplaceAllString(text, "\n"), "\n")
}

// defaults are the choices of dtypes that PTX is kept of: what runs in f32 need,
// with their images, labels, counters and conditions.
func defaults(k *kernels.Kernel) [][]string {
	common := []string{"f32", "i32", "i64", "u8", "bool"}
	choices := slices.DeleteFunc(k.Choices(), func(types map[string]string) bool {
		for _, dtype := range types {
			if !slices.Contains(common, dtype) {
				return true
			}
		}
		return false
	})
	var all [][]string
	for _, types := range choices {
		all = append(all, k.DefinesFor(types))
	}
	slices.SortFunc(all, slices.Compare[[]string])
	return all
}

// write compiles a file's specialisations, unless it has them.
func (f *file) write(dir string) error {
	path := filepath.Join(dir, f.name)
	if f.isCurrent(dir) {
		return nil
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	for _, s := range f.all {
		text, err := s.compile()
		if err != nil {
			return fmt.Errorf("%s %v: %w", f.name, s.defines, err)
		}
		if _, err := io.WriteString(z, s.mark()+text); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// isCurrent tells whether a folder's file has these specialisations and no others.
func (f *file) isCurrent(dir string) bool {
	compressed, err := os.ReadFile(filepath.Join(dir, f.name))
	if err != nil {
		return false
	}
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return false
	}
	content, err := io.ReadAll(z)
	if err != nil || bytes.Count(content, []byte(kernels.PTXMark)) != len(f.all) {
		return false
	}
	for _, s := range f.all {
		if !bytes.Contains(content, []byte(s.mark())) {
			return false
		}
	}
	return true
}

// compile gives the specialisation's PTX, without the compiler's remarks.
func (s *specialisation) compile() (string, error) {
	args := append(slices.Clone(compile.CUDA), compile.HeaderInFile, "-S", "-o", "-")
	text, err := compile.Run(compiler, args, s.defines, compile.Header+s.source)
	if err != nil {
		return "", err
	}
	var kept strings.Builder
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "//")
		if line = strings.TrimRight(line, " \t\n"); line != "" {
			kept.WriteString(line + "\n")
		}
	}
	return kept.String(), nil
}

package kernels

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"strings"
)

//go:generate go run ./cuda/ptxgen

//go:embed cuda/ptx
var ptx embed.FS

// PTXMark begins the line before each text in a file of PTX. After it come the
// definitions that the text was compiled with, with spaces between, and last the
// hash of all that it was made of.
const PTXMark = "//// "

// PTX gives the built-in source of a kernel for CUDA, compiled with these
// definitions to PTX for GPUs from Volta on. Only those specialisations are there
// that common runs need, in f32, integers and bools; none of generated kernels.
func PTX(k *Kernel, defines []string) ([]byte, bool) {
	compressed, err := ptx.ReadFile("cuda/ptx/" + k.Name + ".gz")
	if err != nil {
		return nil, false
	}
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, false
	}
	all, err := io.ReadAll(r)
	if err != nil {
		return nil, false
	}
	_, text, ok := strings.Cut("\n"+string(all), "\n"+PTXMark+strings.Join(defines, " ")+" ")
	if !ok {
		return nil, false
	}
	_, text, _ = strings.Cut(text, "\n") // the hash
	text, _, _ = strings.Cut(text, PTXMark)
	return []byte(text), true
}

package safetensors_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/safetensors"
)

func TestTheErrorForAnotherFormatNamesTheFormat(t *testing.T) {
	dir := t.TempDir()
	open := func(content string) error {
		path := filepath.Join(dir, "w.safetensors")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		f, err := safetensors.Open(path)
		if err == nil {
			f.Close()
		}
		return err
	}
	for content, want := range map[string]string{
		"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n": "a Git LFS pointer to a file of 12345 bytes that wasn't fetched; run git lfs pull in its repository",
		"PK\x03\x04" + strings.Repeat("\x00", 40):                                       "the beginning of a zip archive; its end is missing: fetch it again",
		"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.":                                      "a PyTorch file (torch.save before version 1.6: pickles)",
		"\x89HDF\r\n\x1a\n" + "rest of the file":                                        "an HDF5 file",
		"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff":                                      "compressed by gzip; unpack it: gunzip ",
		"\x93NUMPY\x01\x00v\x00{'descr': '<f4'}":                                        "a NumPy array",
		"<!DOCTYPE html><html>Not Found</html>":                                         "an HTML page",
		"GGUF\x03\x00\x00\x00 rest":                                                     "a GGUF file",
	} {
		require.ErrorContains(t, open(content), want)
	}
	// The length of a valid header can begin like another format.
	for _, length := range []int{0xfeff, 0x0280, 0x8b1f} {
		path := filepath.Join(dir, "right.safetensors")
		header := "{}" + strings.Repeat(" ", length-2)
		content := binary.LittleEndian.AppendUint64(nil, uint64(length))
		require.NoError(t, os.WriteFile(path, append(content, header...), 0o644))
		f, err := safetensors.Open(path)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
}

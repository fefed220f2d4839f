package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

const linkedSpec = `flowrun: 1
imports: [{from: lib.yaml, names: [Double]}]
data:
  d: {replay: batches.safetensors, fields: {x: {tensor: x, type: "f32[2, 1]"}}}
model:
  inputs: {x: "f32[2, 1]"}
  nodes: {y: {Linear: x, out_features: 1, bias: false}, z: Double(y)}
  outputs: [z]
train:
  data: d
  loss: mean(z * z)
  optimizer: {SGD: {lr: 0.1}}
  max_steps: 4
  init: {safetensors: init.safetensors}
`

// linked writes a spec and the files that it names, each in one of two folders.
func linked(t *testing.T, where func(name string) string) (spec string) {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string {
		path := filepath.Join(dir, where(name))
		if filepath.IsAbs(where(name)) {
			path = where(name)
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		if path != filepath.Join(dir, name) {
			target := path
			if !filepath.IsAbs(where(name)) {
				target = where(name)
			}
			if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
				t.Skip("no symbolic links here: ", err)
			}
		}
		return path
	}
	require.NoError(t, os.WriteFile(at("lib.yaml"), []byte("flowrun: 1\nmodules:\n  Double:\n    inputs: {x: \"f32[n, 1]\"}\n    output: x * 2\n"), 0o666))
	require.NoError(t, flowrun.WriteTensors(at("batches.safetensors"), map[string]*flowrun.Tensor{
		"x": ir.FromFloat32(flowrun.Shape{4, 2, 1}, []float32{1, 2, 3, 4, 5, 6, 7, 8})}))
	require.NoError(t, flowrun.WriteTensors(at("init.safetensors"), map[string]*flowrun.Tensor{
		"y.weight": ir.FromFloat32(flowrun.Shape{1, 1}, []float32{1})}))
	spec = filepath.Join(dir, "s.yaml")
	require.NoError(t, os.WriteFile(spec, []byte(linkedSpec), 0o666))
	return spec
}

// runs loads a spec with its files and runs it; it returns the loss of the last step.
func runs(t *testing.T, spec string, options ...flowrun.LoadOption) (float64, error) {
	t.Helper()
	p, err := flowrun.Load(spec, append(options, flowrun.WithFiles())...)
	if err != nil {
		return 0, err
	}
	s, err := p.Start(context.Background())
	if err != nil {
		return 0, err
	}
	defer s.Close()
	summary, err := s.Run(context.Background())
	return summary.Loss, err
}

// Every file that a spec can name, as a link: links within the spec's folder, or to an
// allowed one, are read; others are rejected and named.
func TestFilesNamedInASpecCanBeLinksWithinTheAllowedFolders(t *testing.T) {
	want, err := runs(t, linked(t, func(name string) string { return name }))
	require.NoError(t, err)
	for _, name := range []string{"lib.yaml", "batches.safetensors", "init.safetensors"} {
		moved := func(dir string) string {
			return linked(t, func(file string) string {
				if file == name {
					return filepath.Join(dir, file)
				}
				return file
			})
		}
		got, err := runs(t, moved("sub"))
		require.NoError(t, err, name)
		require.Equal(t, want, got)

		outside := t.TempDir()
		spec := moved(outside)
		_, err = runs(t, spec)
		require.Error(t, err, name)
		require.Contains(t, err.Error(), name)
		require.Contains(t, err.Error(), "leads to "+filepath.Join(outside, name))
		got, err = runs(t, spec, flowrun.AllowRead(outside))
		require.NoError(t, err, name)
		require.Equal(t, want, got)

		// A link with a full path, a chain of links, a dangling one, one to itself, and
		// one to a folder.
		link := filepath.Join(filepath.Dir(spec), name)
		for target, wrong := range map[string]string{
			filepath.Join(filepath.Dir(spec), "real"): "", "chain": "", "nothing": "no such file", name: "", "folder": "a folder",
		} {
			require.NoError(t, os.Remove(link))
			require.NoError(t, os.Symlink(target, link))
			content, err := os.ReadFile(filepath.Join(outside, name))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(spec), "real"), content, 0o666))
			_ = os.Symlink("real", filepath.Join(filepath.Dir(spec), "chain"))
			_ = os.Mkdir(filepath.Join(filepath.Dir(spec), "folder"), 0o777)
			got, err := runs(t, spec)
			if target == name || wrong != "" {
				require.Error(t, err, "%s to %s", name, target)
				require.True(t, strings.Contains(err.Error(), wrong) || strings.Contains(err.Error(), "does not exist"), err.Error())
				continue
			}
			require.NoError(t, err, "%s to %s", name, target)
			require.Equal(t, want, got)
		}
	}
}

// A damaged file is rejected wherever a spec names it.
func TestACorruptFileIsRejectedWhereverASpecNamesIt(t *testing.T) {
	for _, name := range []string{"batches.safetensors", "init.safetensors"} {
		spec := linked(t, func(name string) string { return name })
		path := filepath.Join(filepath.Dir(spec), name)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		content[len(content)-2] ^= 1 // in a number: everything else in the file is valid
		require.NoError(t, os.WriteFile(path, content, 0o666))
		_, err = runs(t, spec)
		require.ErrorContains(t, err, fmt.Sprintf("%s: the checksum of its data is", path))
	}
}

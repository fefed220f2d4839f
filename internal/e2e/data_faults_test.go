package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
)

// array writes an npy file of f32[rows, columns], whose elements are all half.
func array(t *testing.T, path string, rows, columns int) {
	t.Helper()
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, columns)
	header += strings.Repeat(" ", 127-10-len(header)) + "\n"
	content := append([]byte{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, byte(len(header)), 0}, header...)
	for range rows * columns {
		content = append(content, 0, 0, 0, 0x3f)
	}
	require.NoError(t, os.WriteFile(path, content, 0o600))
}

// A file that is cut or changed while it is used ends the run with its name and the last
// checkpoint; from that the run goes on once the file is back, as if nothing had been.
func TestARunWhoseFileIsChangedEndsWithItsCheckpoint(t *testing.T) {
	const spec = `flowrun: 1
data: {d: {npy: x.npy, fields: {x: {type: "f32[1024]"}}, batch: 3}}
model:
  inputs: {x: "f32[batch, 1024]"}
  nodes: {y: {Linear: x, out_features: 1}}
  outputs: [y]
train:
  data: d
  loss: mean(square(y))
  optimizer: {SGD: {lr: 0.0001}}
  checkpoint: {every: 100000}
  epochs: 1
`
	for what, damage := range map[string]func(path string) error{
		"cut": func(path string) error { return os.Truncate(path, 5000) },
		"changed": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			for at := int64(4096); at < 16<<20; at += 4096 {
				_, failed := f.WriteAt([]byte{1}, at)
				err = errors.Join(err, failed)
			}
			return errors.Join(err, f.Close())
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			file, path := filepath.Join(dir, "x.npy"), filepath.Join(dir, "s.yaml")
			array(t, file, 4096, 1024)
			require.NoError(t, os.WriteFile(path, []byte(spec), 0o600))
			whole := runtest.Started(t, path)
			summary, _ := runtest.Ran(t, whole, 0)
			require.NoError(t, whole.Close())
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "checkpoints")))

			s := runtest.Started(t, path)
			var failed int64
			_, err := s.Run(context.Background(), flowrun.Observe(flowrun.Observer{Every: 1, Observe: func(r flowrun.Record) error {
				failed = r.Step
				if r.Step == 5 {
					return damage(file)
				}
				return nil
			}}))
			require.ErrorContains(t, err, "x.npy")
			require.Less(t, failed, int64(1366))
			require.NoError(t, s.Close())
			require.FileExists(t, filepath.Join(dir, "checkpoints", fmt.Sprintf("step-%09d.safetensors", failed)))

			array(t, file, 4096, 1024)
			resumed := runtest.Started(t, path, flowrun.Resume(""))
			require.Equal(t, failed, resumed.Resumed().Step)
			again, _ := runtest.Ran(t, resumed, 0)
			require.Equal(t, summary.Loss, again.Loss)
			require.EqualValues(t, 1366, failed+again.Steps)
		})
	}
}

// Steps, reads, writes and saved weights of several goroutines all see one set of states,
// whichever of the two plans takes a step.
func TestASmallerLastBatchIsSafeForConcurrentUse(t *testing.T) {
	for _, device := range []string{"cpu", "sim:0"} {
		s := runtest.Started(t, fromFile(t, 10, "    batch: 4", "  data: points\n  optimizer: {SGD: {lr: 0.01}}\n  metrics: {l: loss}\n  epochs: 100"), flowrun.On(device))
		folder := t.TempDir()
		var all sync.WaitGroup
		for name, call := range map[string]func(i int) error{
			"run":  func(int) error { _, err := s.Run(context.Background()); return err },
			"step": func(int) error { return s.Step(context.Background()) },
			"get": func(i int) error {
				v, err := s.Get([]string{"out", "step", "l", "line.weight"}[i%4])
				if err == nil && i%4 == 0 && v.Type.Shape[0] != 4 && v.Type.Shape[0] != 2 {
					return fmt.Errorf("out is %s", v.Type)
				}
				return err
			},
			"set": func(int) error {
				w, err := s.Weights()
				if err != nil {
					return err
				}
				return s.SetAll(map[string]*flowrun.Tensor{"line.bias": w.Tensors["line.bias"]})
			},
			"save":  func(i int) error { return s.SaveWeights(filepath.Join(folder, fmt.Sprint(i))) },
			"stats": func(int) error { s.Stats(); return nil },
		} {
			all.Go(func() {
				for i := range 50 {
					if err := call(i); err != nil && !errors.Is(err, flowrun.ErrRunning) {
						t.Errorf("%s, call %d: %v", name, i, err)
					}
				}
			})
		}
		all.Wait()
		v, err := s.Get("step")
		require.NoError(t, err)
		require.GreaterOrEqual(t, v.Int(0), int64(300))
		require.NoError(t, s.Close())
	}
}

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
	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/registry"
	"github.com/flowrun/flowrun/internal/hooks"
	"github.com/flowrun/flowrun/internal/runtest"
)

// The OpenCL device is lost at many points of a run that writes checkpoints: in steps, in
// reads for a checkpoint, in an evaluation. The run reports what failed; the newest
// checkpoint equals that of an undisturbed run at this step, byte for byte; and resuming
// from either on the CPU has the same bits.
func TestLosingADeviceLeavesTheLastCheckpointIntact(t *testing.T) {
	runtest.NeedsOpenCL(t)
	for name, until := range map[string]string{"waiting for each step": "", "queueing steps ahead": "\n  until: step >= 1000"} {
		t.Run(name, func(t *testing.T) { loseDevice(t, until) })
	}
}

func loseDevice(t *testing.T, until string) {
	const steps = 50
	keys := strings.Replace(everything, "keep: 2", "keep: 99", 1) + until
	adam := "{AdamW: {lr: 0.01}}"
	calls, lostAt := 0, 0
	faulty := hooks.With(t.Context(), registry.Options{Options: device.Options{Fault: func(string) int32 {
		if calls++; lostAt > 0 && calls >= lostAt {
			return -5 // CL_OUT_OF_RESOURCES
		}
		return 0
	}}})
	whole := line(t, adam, keys)
	first := runtest.StartedIn(faulty, t, whole, flowrun.On("opencl"))
	require.Equal(t, until != "", first.Plan().RunsAhead)
	_, err := first.Run(context.Background(), flowrun.MaxSteps(steps))
	require.NoError(t, err)
	total := calls

	onCPU := map[string]string{} // the results of resuming on the CPU, by checkpoint
	ended := func(spec, file string) string {
		s := runtest.Started(t, spec, flowrun.On("cpu"), flowrun.Resume(file))
		runtest.Ran(t, s, steps)
		states := ""
		for _, st := range s.Plan().Graph.States {
			v, err := s.Get(st.Name)
			require.NoError(t, err)
			states += fmt.Sprintf("%s %x\n", st.Name, v.Data)
		}
		return states
	}
	folder := func(spec string) string { return filepath.Join(filepath.Dir(spec), "checkpoints") }
	seen := map[string]bool{}
	const points = 25
	for i := range points {
		spec := line(t, adam, keys)
		p, err := flowrun.Load(spec)
		require.NoError(t, err)
		calls, lostAt = 0, total*(i+1)/(points+1)
		s, err := p.Start(faulty, flowrun.On("opencl"))
		if err == nil {
			_, err = s.Run(context.Background(), flowrun.MaxSteps(steps))
			_ = s.Close() // what can't be released is lost with the device
		}
		lostAt = 0
		require.ErrorContains(t, err, "opencl:0")
		require.ErrorContains(t, err, "CL_OUT_OF_RESOURCES (-5)")

		files, err := filepath.Glob(folder(spec) + "/*")
		require.NoError(t, err)
		newest := ""
		for _, file := range files {
			name := filepath.Base(file)
			if name == "best.safetensors" {
				continue
			}
			got, err := os.ReadFile(file)
			require.NoError(t, err)
			want, err := os.ReadFile(filepath.Join(folder(whole), name))
			require.NoError(t, err)
			require.Equal(t, want, got, "%s, lost at call %d", name, total*(i+1)/(points+1))
			newest = name
		}
		if newest == "" || seen[newest] {
			continue
		}
		seen[newest] = true
		if onCPU[newest] == "" {
			other := line(t, adam, keys)
			onCPU[newest] = ended(other, filepath.Join(folder(whole), newest))
		}
		require.Equal(t, onCPU[newest], ended(spec, ""), newest)
	}
	require.Len(t, seen, steps/10-1, "the device was lost between any two checkpoints")
}

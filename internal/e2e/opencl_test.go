package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
)

func TestOpenCLDevicesAreListedOrTheirAbsenceExplained(t *testing.T) {
	for _, d := range flowrun.Devices() {
		require.False(t, d.Kind == "opencl" && d.Missing != "" && !strings.Contains(d.Missing, "OpenCL"), d.Missing)
	}
}

func TestAMissingDeviceIsAnError(t *testing.T) {
	p, err := flowrun.Load(mathNet)
	require.NoError(t, err)
	for name, want := range map[string]string{
		"opencl:99": "there is no device opencl:99: ",
		"opencl:01": `there is no device "opencl:01": the colon must be followed by a number`,
		"sim:":      `there is no device "sim:": the colon must be followed by a number`,
		"cuda:99":   "there is no device cuda:99: ",
		"metal:99":  "there is no device metal:99: ",
		"tpu":       `there is no device "tpu": the kinds of devices are cpu, sim, cuda, metal and opencl`,
	} {
		_, err := p.Start(context.Background(), flowrun.On(name))
		require.ErrorContains(t, err, want)
	}
}

// The copies of math_net are compared with those derived from where values are used: a
// value needed in another memory space is copied there once, and again whenever it has
// changed, however many nodes there use it. Otherwise only what the host writes and reads
// is copied.
func TestOnOpenCLThereAreNoUnnecessaryCopies(t *testing.T) {
	runtest.NeedsOpenCL(t)
	const steps = 50
	for name, options := range map[string][]flowrun.StartOption{
		"weights at home on the device": nil,
		"weights at home on the host":   {flowrun.Place("*.weight", "cpu")},
	} {
		t.Run(name, func(t *testing.T) {
			s := runtest.Started(t, mathNet, append(options, flowrun.On("opencl"))...)
			up, down := crossings(s.Plan().Graph, steps)
			for range steps {
				require.NoError(t, s.Step(context.Background()))
			}
			if s.Plan().RunsAhead { // Step tells the device to continue, whatever the stop condition was
				up.Count += steps
				up.Bytes += steps * int64(ir.Bool.Size())
			} else { // Step reads whether the run has ended
				down.Count += steps
				down.Bytes += steps * int64(ir.Bool.Size())
			}
			stats := s.Stats()
			require.Equal(t, up, stats.HostToDevice)
			require.Equal(t, down, stats.DeviceToHost)
			require.Zero(t, stats.DeviceToDevice)
			if options == nil {
				require.Less(t, up.Count, int64(2*steps), "no weight goes anywhere")
			} else {
				require.Greater(t, up.Count, int64(3*steps), "three weights go up at each step")
				require.GreaterOrEqual(t, down.Count, int64(3*steps), "and what they become comes down")
			}
			for range 2 { // the second time the host has a copy
				_, err := s.Get("h1")
				require.NoError(t, err)
			}
			read := s.Stats().DeviceToHost
			require.Equal(t, down.Count+1, read.Count)
		})
	}
}

// crossings counts the values copied between the host, space 0, and one device in some
// steps, including the initial writing of all states.
func crossings(g *ir.Graph, steps int64) (up, down engine.Traffic) {
	origin := func(n *ir.Node) *ir.Node {
		for n.Op == ir.CopyOp {
			n = n.Inputs[0]
		}
		return n
	}
	changing := map[*ir.Node]bool{} // changing at every step, as a state they depend on does
	for _, n := range g.Nodes {
		changing[n] = n.State != nil && n.State.Next != nil && origin(n.State.Next) != n
		for _, in := range n.Inputs {
			changing[n] = changing[n] || changing[in]
		}
	}
	type crossing struct {
		value *ir.Node
		to    int
	}
	seen := map[crossing]bool{}
	cross := func(c crossing, from int, times int64) {
		if from == c.to || seen[c] {
			return
		}
		seen[c] = true
		t := &up
		if c.to == 0 {
			t = &down
		}
		t.Count += times
		t.Bytes += times * int64(c.value.Type.Bytes())
	}
	needed := func(value *ir.Node, to int) {
		times := int64(1)
		if value = origin(value); changing[value] {
			times = steps
		}
		cross(crossing{value, to}, value.Space, times)
	}
	for _, n := range g.Nodes {
		if n.Op == ir.ConstOp {
			cross(crossing{n, n.Space}, 0, 1)
		}
		if n.Op != ir.CopyOp {
			for _, in := range n.Inputs {
				needed(in, n.Space)
			}
		}
	}
	for _, st := range g.States {
		if st.Home != 0 { // written at the start
			up.Count++
			up.Bytes += int64(st.Type.Bytes())
		}
		if st.Next != nil {
			needed(st.Next, st.Home)
		}
	}
	return up, down
}

func TestAnEditedKernelIsCheckedAtTheStart(t *testing.T) {
	folder := t.TempDir()
	p, err := flowrun.Load(mathNet)
	require.NoError(t, err)
	_, err = p.Start(context.Background(), flowrun.KernelsFrom(folder+"/none"))
	require.ErrorContains(t, err, "none")
	require.NoError(t, os.Mkdir(folder+"/opencl", 0o755))
	require.NoError(t, os.WriteFile(folder+"/opencl/bits_of.cl", []byte("kernel void flowrun_bits_of(global T *out) {}"), 0o600))
	_, err = p.Start(context.Background(), flowrun.KernelsFrom(folder))
	require.ErrorContains(t, err, folder+"/opencl/bits_of.cl:1: parameter 1 of flowrun_bits_of is ")
}

// An error in a kernel's file affects every kernel that includes it.
func TestAnErrorInAPartsFileIsReportedWithItsPosition(t *testing.T) {
	runtest.NeedsOpenCL(t)
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(folder+"/opencl", 0o755))
	source, err := os.ReadFile("../../kernels/opencl/sub.cl")
	require.NoError(t, err)
	body := []byte("(C)((W)a - (W)b)")
	line := bytes.Count(source[:bytes.Index(source, body)], []byte("\n")) + 1
	require.NoError(t, os.WriteFile(folder+"/opencl/sub.cl", bytes.Replace(source, body, []byte("nonsense"), 1), 0o600))
	p, err := flowrun.Load(mathNet)
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.On("opencl"), flowrun.KernelsFrom(folder))
	require.NoError(t, err)
	defer s.Close()
	err = s.Step(context.Background())
	require.ErrorContains(t, err, "kernel fused_")
	require.ErrorContains(t, err, fmt.Sprintf("%s/opencl/sub.cl:%d:", folder, line))
}

package engine_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cuda"
	"github.com/flowrun/flowrun/engine"
	fakecuda "github.com/flowrun/flowrun/internal/fakegpu/cuda"
	"github.com/flowrun/flowrun/lower"
)

const unknownError = 999 // CUDA_ERROR_UNKNOWN

var onCUDA = &driver{
	kind: "cuda",
	need: func(t *testing.T) int {
		fakecuda.Need(t)
		found, missing := cuda.Discover()
		require.Empty(t, missing)
		return len(found)
	},
	open: func(index int, fails func(string) bool) (drivenDevice, error) {
		return cuda.Open(index, device.Options{Fault: func(function string) int32 {
			if fails != nil && fails(function) {
				return unknownError
			}
			return 0
		}})
	},
	failure: func(err error) bool {
		var failure *cuda.Error
		return errors.As(err, &failure) && failure.Code == unknownError
	},
	stride: 7,
	faulty: []string{"cuCtxSetCurrent", "cuLaunchKernel", "cuStreamSynchronize"},
}

func TestOnCUDAEveryReadIsFreshAndEveryRunIsNeeded(t *testing.T) { onCUDA.everyReadIsFresh(t) }
func TestOnCUDACapturedStepsAgreeWithEagerOnes(t *testing.T)     { onCUDA.replayIsEager(t) }
func TestMathNetLearnsOnCUDAWithItsWeightsAnywhere(t *testing.T) { onCUDA.mathNetLearns(t) }
func TestOnCUDAARetryAfterAnyFaultGivesTheFaultFreeResult(t *testing.T) {
	onCUDA.anyCallFails(t)
}
func TestOnCUDAARunThatRunsAheadEndsLikeOneThatWaits(t *testing.T) {
	onCUDA.runningAheadEndsWhereWaitingDoes(t)
}

// TestOnCUDAStepsInTheSteadyStateAreLaunchedTogether counts the calls of a run.
func TestOnCUDAStepsInTheSteadyStateAreLaunchedTogether(t *testing.T) {
	host := onCUDA.machines(t)(t, 0)[0]
	byName := map[string]int{}
	d, err := onCUDA.open(0, func(call string) bool { byName[call]++; return false })
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	s := start(t, countdown(t, 0), []device.Device{host, d}, lower.Options{Default: 1}, engine.Options{})
	loop := countdownLoop
	loop.MaxSteps = 20
	_, err = s.Run(ctx, loop)
	require.NoError(t, err)
	clear(byName)
	loop.MaxSteps += 2000
	_, err = s.Run(ctx, loop)
	require.NoError(t, err)
	require.Zero(t, byName["cuLaunchKernel"])
	require.InDelta(t, 2000/8, byName["cuGraphLaunch"], 150, "eight steps at a time, but for what is left before somebody looks")
	require.Less(t, byName["cuStreamSynchronize"], 400, "the host doesn't wait for each of them")
	require.NoError(t, s.Close())
}

// TestOnCUDAStepsThatACallerTakesReachTheSteadyState counts the calls of steps that
// are taken one by one, beyond the end of the run too.
func TestOnCUDAStepsThatACallerTakesReachTheSteadyState(t *testing.T) {
	host := onCUDA.machines(t)(t, 0)[0]
	byName := map[string]int{}
	d, err := onCUDA.open(0, func(call string) bool { byName[call]++; return false })
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	p := countdown(t, 0.3)
	s := start(t, p, []device.Device{host, d}, lower.Options{Default: 1}, engine.Options{})
	require.True(t, s.Plan().RunsAhead)
	slow := onCPU(t, p, engine.Options{})
	for range 5 {
		steps(t, s, 5)
		steps(t, slow, 5)
		clear(byName)
		steps(t, s, 20)
		steps(t, slow, 20)
		require.Equal(t, 20, byName["cuGraphLaunch"])
		require.Zero(t, byName["cuLaunchKernel"])
		for name, v := range snapshot(t, slow) {
			same(t, v, snapshot(t, s)[name], name)
		}
	}
	require.NoError(t, s.Close())
}

func TestOnCUDASmallerBatchesHaveTheBitsOfStatesMovedByHand(t *testing.T) { onCUDA.smallerBatches(t) }

// TestOnCUDAALoopIsLaunchedWithItsStep counts the calls of steps that have a loop forward
// and one back, whatever they are made of.
func TestOnCUDAALoopIsLaunchedWithItsStep(t *testing.T) {
	host := onCUDA.machines(t)(t, 0)[0]
	byName := map[string]int{}
	d, err := onCUDA.open(0, func(call string) bool { byName[call]++; return false })
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	p := recurrent(t, 30, false)
	o := lower.Options{Default: 1, KeepScans: true}
	s := start(t, p, []device.Device{host, d}, o, engine.Options{})
	eager := start(t, p, []device.Device{host, d}, o, engine.Options{NoReplay: true})
	steps(t, s, 6)
	steps(t, eager, 6)
	require.NoError(t, d.Sync())
	clear(byName)
	steps(t, s, 3)
	require.NoError(t, d.Sync())
	require.Equal(t, 3, byName["cuGraphLaunch"])
	require.Zero(t, byName["cuLaunchKernel"]+byName["cuMemcpyDtoDAsync"])
	steps(t, eager, 3)
	require.Positive(t, byName["cuLaunchKernel"])
	for name, v := range snapshot(t, eager) {
		same(t, v, snapshot(t, s)[name], name)
	}
	require.NoError(t, s.Close())
	require.NoError(t, eager.Close())
}

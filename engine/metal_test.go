package engine_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/metal"
	fakemetal "github.com/flowrun/flowrun/internal/fakegpu/metal"
)

// onMetal has two GPUs where the fake is what there is, which work at what is committed
// now early, now late.
var onMetal = &driver{
	kind: "metal",
	need: func(t *testing.T) int {
		fakemetal.Need(t)
		if fakemetal.Loaded() {
			fakemetal.Play(t, fakemetal.Machine{Devices: 2})
			fakemetal.Work(t, fakemetal.Mixed)
		}
		found, missing := metal.Discover()
		require.Empty(t, missing)
		return len(found)
	},
	open: func(index int, fails func(string) bool) (drivenDevice, error) {
		return metal.Open(index, device.Options{Fault: func(message string) int32 {
			if fails != nil && fails(message) {
				return 1
			}
			return 0
		}})
	},
	failure: func(err error) bool {
		var failure *metal.Error
		return errors.As(err, &failure) && failure.Code == 0
	},
	programs: "30",
	stride:   1, // most messages can't fail
}

func TestOnMetalEveryReadIsFreshAndEveryRunIsNeeded(t *testing.T) { onMetal.everyReadIsFresh(t) }
func TestOnMetalReplayedStepsAgreeWithEagerOnes(t *testing.T)     { onMetal.replayIsEager(t) }
func TestMathNetLearnsOnMetalWithItsWeightsAnywhere(t *testing.T) { onMetal.mathNetLearns(t) }
func TestOnMetalARetryAfterAnyFaultGivesTheFaultFreeResult(t *testing.T) {
	onMetal.anyCallFails(t)
}
func TestOnMetalARunThatRunsAheadEndsLikeOneThatWaits(t *testing.T) {
	onMetal.runningAheadEndsWhereWaitingDoes(t)
}

func TestOnMetalSmallerBatchesHaveTheBitsOfStatesMovedByHand(t *testing.T) { onMetal.smallerBatches(t) }

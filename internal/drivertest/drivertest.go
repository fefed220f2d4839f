// Package drivertest is what a driver of devices with a queue must do, as tests: every
// driver runs them in its own tests, and has there only what is its own.
//
// The suite knows a driver by [device.Device] and by the calls that it makes of its
// library: it counts them, lets each of them fail, and asks at the end what was not
// given back. What a driver may have besides ([device.Capturer], [device.SharedBuffer])
// is tested where it is there.
package drivertest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/kernels"
)

// Driver is what the suite has to know of a driver.
type Driver struct {
	// Kind is that of its devices, "opencl", and names the folder of its kernels.
	Kind string
	// Library gives the driver's library, with faults and counts that no other test
	// has. The test is skipped where there is no device.
	Library func(t testing.TB) Library
	// Neg gives a source of the kernel neg that does body for each i from 0 up to n,
	// the body being a statement on its third line that may use n, float *x and
	// float *out: "out[i] = -x[i];".
	Neg func(body string) string
	// Broken is what the error says of a kernel that doesn't compile, besides the
	// compiler's own words.
	Broken []string
	// Mismatches are sources of neg that differ from the manifest, and what the error
	// says of each.
	Mismatches map[string]string
	// Failure is what the error of a call that was made to fail says besides the
	// call's name: "CL_OUT_OF_RESOURCES (-5)".
	Failure string
	// Waits are the calls by which the driver learns that queued work has failed:
	// their failure is that work's.
	Waits []string
	// Spare are calls that the driver can do without: their failure need not be an
	// error.
	Spare []string

	// SpareCached are calls about a kernel from the cache: if one fails, the kernel is
	// compiled anew.
	SpareCached []string
	// Compile is the call that compiles a kernel. Where Cached is true, kernels that
	// were compiled are kept on disk, in a folder of the cache that is named by Kind.
	Compile string
	Cached  bool
	// Sizes are bytes at which the driver's way of copying changes.
	Sizes []int
	// Queued is how many launches and copies a device has queued, MaxQueued how many
	// there may be.
	Queued    func(d device.Device) int
	MaxQueued int
}

// Library is a driver's library as its tests open it.
type Library interface {
	// Open opens a device by its number. Without sources it has those that are built
	// in.
	Open(index int, sources *kernels.Sources) (Device, error)
	// Fault has fails asked before each call that can fail, by name, those of devices
	// too that were opened before. Where it says so, the call isn't made and has
	// failed. nil lets none fail.
	Fault(fails func(call string) bool)
	// Live counts what was created and not given back, by the call that gives it back.
	Live() map[string]int64
}

// Device is a device that accounts for its memory.
type Device interface {
	device.Device
	Usage() device.Budget
}

// claim is something that must be so, with its test.
type claim struct {
	name string
	test func(t *testing.T, d Driver)
}

var claims = []claim{
	{"MemoryIsAccountedFor", memoryIsAccountedFor},
	{"MemoryThatCantBeHadIsAnError", memoryThatCantBeHad},
	{"EveryCallRefusesForeignMemory", foreignMemory},
	{"AFreedBufferFailsWhateverUsesIt", freedMemory},
	{"TheHostSharesMemoryAsItIsSaid", sharedMemory},

	{"CopiesOfNothingAndOntoThemselvesDoNothing", emptyCopies},
	{"CopiesThatCantBeAreRefused", badCopies},
	{"TwoDevicesCopyByWayOfTheHost", twoDevices},

	{"KernelsGiveWhatTheyShould", references},
	{"BindRefusesWhatDoesNotFit", badCalls},
	{"AKernelRunsOnPartsOfABuffer", partsOfABuffer},
	{"AKernelOfNothingDoesNothing", kernelOfNothing},
	{"LaunchesRunInOrderHoweverMany", manyLaunches},
	{"ALaunchAllocatesNothing", launchAllocations},
	{"LaunchesAndCopiesRunInOrder", inOrder},

	{"AKernelThatDoesntCompileIsShownWithFileAndLine", brokenKernel},
	{"AKernelThatDiffersFromTheManifestIsRefused", mismatches},
	{"AKernelIsCompiledOnce", compiledOnce},
	{"AnEditedKernelIsCompiledAnew", editedKernel},

	{"WorkThatFailsLaterIsReportedWithItsNames", lateFailure},
	{"ACallThatFailsAloneLeavesEarlierWorkStanding", ownFailure},
	{"AFailureOfAnyCallIsAnErrorAndLeavesNothingBehind", everyCallFails},
	{"AFailureOfAnyCallOfAStepLosesNothing", everyCallOfAStepFails},

	{"AClosedDeviceHasNothingLeftAndFailsEveryCall", closed},
	{"ADeviceClosesInEveryState", closesInEveryState},
	{"ManyMayUseADeviceAtOnce", together},
	{"ADeviceMayBeClosedWhileItIsUsed", closedInUse},
	{"ADeviceAndItsMemoryMayEndInTheMidstOfEveryUse", endedInUse},
}

// cacheClaims are about drivers that keep compiled kernels on disk.
var cacheClaims = []claim{
	{"ADamagedEntryOfTheCacheIsCompiledAnew", damagedEntry},
	{"ACacheThatCantBeWrittenIsDoneWithout", noCache},
}

// capturerClaims are about devices that capture.
var capturerClaims = []claim{
	{"ACaptureDoesWhatItsCommandsDo", captures},
	{"WhatTheHostHasAPartInIsNotCaptured", notCaptured},
	{"ACaptureOfNothingDoesNothing", captureOfNothing},
}

// Run tests a driver.
func Run(t *testing.T, d Driver) {
	all := claims
	if d.Cached {
		all = slices.Concat(all, cacheClaims)
	}
	if _, ok := d.open(t).(device.Capturer); ok {
		all = slices.Concat(all, capturerClaims)
	}
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) { c.test(t, d) })
	}
	RunCopies(t, d)
}

// RunCopies is the part of Run that depends on how a driver copies between the host
// and its devices, for drivers that have several ways.
func RunCopies(t *testing.T, d Driver) {
	t.Run("CopiesArriveWhole", func(t *testing.T) { copiesArrive(t, d) })
	t.Run("ACopyHasReadItsSourceWhenItReturns", func(t *testing.T) { sourceIsRead(t, d) })
}

// RequireNothingLeft fails a test if a library has something that wasn't given back.
func RequireNothingLeft(t testing.TB, l Library) {
	t.Helper()
	for call, n := range l.Live() {
		require.Zero(t, n, "what %s should have had", call)
	}
}

// start gives the driver's library. Nothing may be left in it at the end of the test.
func (d Driver) start(t testing.TB) Library {
	t.Helper()
	l := d.Library(t)
	t.Cleanup(func() { RequireNothingLeft(t, l) })
	return l
}

// open opens the first device; it is closed at the end of the test.
func (d Driver) open(t testing.TB) Device {
	t.Helper()
	return openOn(t, d.start(t), nil)
}

func openOn(t testing.TB, l Library, sources *kernels.Sources) Device {
	t.Helper()
	dev, err := l.Open(0, sources)
	require.NoError(t, err)
	t.Cleanup(func() {
		l.Fault(nil)
		require.NoError(t, dev.Close())
	})
	return dev
}

// Package drivertest tests what every driver of devices with a queue must do. Every
// driver runs it in its own tests, which otherwise contain only what is specific to the
// driver.
//
// The suite uses a driver through [device.Device] and through the library calls that it
// makes: it counts them, makes each of them fail, and checks at the end that everything
// was released. Optional interfaces ([device.Capturer], [device.SharedBuffer]) are tested
// if implemented.
package drivertest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/kernels"
)

// Driver describes a driver to the suite.
type Driver struct {
	// Kind is the kind of its devices, "opencl", and the folder of its kernels.
	Kind string
	// Library returns the driver's library, with separate faults and counts for each
	// test. The test is skipped without a device.
	Library func(t testing.TB) Library
	// Neg returns a source of the kernel neg that executes body for each i from 0 to n-1.
	// The body is a statement on the third line that may use n, float *x and float *out:
	// "out[i] = -x[i];".
	Neg func(body string) string
	// Broken are parts of the error for a kernel that doesn't compile, besides the
	// compiler's message.
	Broken []string
	// Mismatches are sources of neg that differ from the manifest, and the error for
	// each.
	Mismatches map[string]string
	// Failure is part of the error of a call that was made to fail, besides the call's
	// name: "CL_OUT_OF_RESOURCES (-5)".
	Failure string
	// Waits are the calls that report failures of queued work: their failure is that
	// work's.
	Waits []string
	// Spare are calls that the driver can do without: their failure need not be an error.
	Spare []string

	// SpareCached are calls for a cached kernel: if one fails, the kernel is recompiled.
	SpareCached []string
	// Compile is the call that compiles a kernel. If Cached is true, compiled kernels are
	// kept on disk, in a folder of the cache named Kind.
	Compile string
	Cached  bool
	// Sizes are numbers of bytes at which the driver's way of copying changes.
	Sizes []int
	// Queued returns how many launches and copies a device has queued; MaxQueued is the
	// limit.
	Queued    func(d device.Device) int
	MaxQueued int
}

// Library is a driver's library as its tests open it.
type Library interface {
	// Open opens a device by its number. Without sources it uses the built-in ones.
	Open(index int, sources *kernels.Sources) (Device, error)
	// Fault sets a function that is called with the name of each call that can fail, also
	// for devices opened before. If it returns true, the call fails without being made.
	// nil makes none fail.
	Fault(fails func(call string) bool)
	// Live counts unreleased objects, by the call that releases them.
	Live() map[string]int64
}

// Device is a device that reports its memory use.
type Device interface {
	device.Device
	Usage() device.Budget
}

// claim is a requirement with its test.
type claim struct {
	name string
	test func(t *testing.T, d Driver)
}

var claims = []claim{
	{"MemoryIsAccountedFor", memoryIsAccountedFor},
	{"OutOfMemoryIsAnError", outOfMemory},
	{"EveryCallRefusesForeignMemory", foreignMemory},
	{"FreedMemoryCantBeUsed", freedMemory},
	{"SharedMemoryIsAsInfoSays", sharedMemory},

	{"EmptyAndSelfCopiesDoNothing", emptyCopies},
	{"InvalidCopiesAreRejected", badCopies},
	{"TwoDevicesCopyThroughTheHost", twoDevices},

	{"KernelsMatchTheReference", references},
	{"BindRejectsInvalidCalls", badCalls},
	{"AKernelRunsOnPartsOfABuffer", partsOfABuffer},
	{"AnEmptyKernelDoesNothing", emptyKernel},
	{"ManyLaunchesRunInOrder", manyLaunches},
	{"ALaunchAllocatesNothing", launchAllocations},
	{"LaunchesAndCopiesRunInOrder", inOrder},

	{"AKernelThatDoesntCompileIsShownWithFileAndLine", brokenKernel},
	{"AKernelThatDiffersFromTheManifestIsRefused", mismatches},
	{"AKernelIsCompiledOnce", compiledOnce},
	{"AnEditedKernelIsRecompiled", editedKernel},

	{"WorkThatFailsLaterIsReportedWithItsNames", lateFailure},
	{"AFailedCallDoesntAffectEarlierWork", ownFailure},
	{"AnyFailedCallIsAnErrorWithoutLeaks", everyCallFails},
	{"AnyFailedCallOfAStepLosesNothing", everyCallOfAStepFails},

	{"AClosedDeviceIsEmptyAndFailsEveryCall", closed},
	{"ADeviceClosesInEveryState", closesInEveryState},
	{"ADeviceCanBeUsedConcurrently", together},
	{"ADeviceCanBeClosedDuringUse", closedInUse},
	{"CloseAndFreeDuringEveryUse", endedInUse},
}

// cacheClaims are about drivers that keep compiled kernels on disk.
var cacheClaims = []claim{
	{"ADamagedCacheEntryIsRecompiled", damagedEntry},
	{"AnUnusableCacheIsIgnored", noCache},
}

// capturerClaims are about devices that capture.
var capturerClaims = []claim{
	{"ACaptureEqualsItsCommands", captures},
	{"CopiesWithTheHostAreNotCaptured", notCaptured},
	{"AnEmptyCaptureDoesNothing", emptyCapture},
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

// RunCopies is the part of Run that depends on how a driver copies between the host and
// its devices, for drivers with several ways.
func RunCopies(t *testing.T, d Driver) {
	t.Run("CopiesArriveWhole", func(t *testing.T) { copiesArrive(t, d) })
	t.Run("ACopyHasReadItsSourceWhenItReturns", func(t *testing.T) { sourceIsRead(t, d) })
}

// RequireNothingLeft fails a test if a library has unreleased objects.
func RequireNothingLeft(t testing.TB, l Library) {
	t.Helper()
	for call, n := range l.Live() {
		require.Zero(t, n, "what %s should have had", call)
	}
}

// start returns the driver's library. At the end of the test nothing may be left in it.
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

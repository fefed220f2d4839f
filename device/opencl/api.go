package opencl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/flowrun/flowrun/device/internal/dynlib"
)

// function is a function of the C API. All that are used are listed below.
type function int

var functions dynlib.Names[function]

var (
	clGetPlatformIDs          = functions.Add("clGetPlatformIDs")
	clGetPlatformInfo         = functions.Add("clGetPlatformInfo")
	clGetDeviceIDs            = functions.Add("clGetDeviceIDs")
	clGetDeviceInfo           = functions.Add("clGetDeviceInfo")
	clCreateContext           = functions.Add("clCreateContext")
	clReleaseContext          = functions.Add("clReleaseContext")
	clCreateCommandQueue      = functions.Add("clCreateCommandQueue")
	clReleaseCommandQueue     = functions.Add("clReleaseCommandQueue")
	clCreateBuffer            = functions.Add("clCreateBuffer")
	clCreateSubBuffer         = functions.Add("clCreateSubBuffer")
	clReleaseMemObject        = functions.Add("clReleaseMemObject")
	clCreateProgramWithSource = functions.Add("clCreateProgramWithSource")
	clCreateProgramWithBinary = functions.Add("clCreateProgramWithBinary")
	clBuildProgram            = functions.Add("clBuildProgram")
	clGetProgramInfo          = functions.Add("clGetProgramInfo")
	clGetProgramBuildInfo     = functions.Add("clGetProgramBuildInfo")
	clReleaseProgram          = functions.Add("clReleaseProgram")
	clCreateKernel            = functions.Add("clCreateKernel")
	clGetKernelInfo           = functions.Add("clGetKernelInfo")
	clGetKernelWorkGroupInfo  = functions.Add("clGetKernelWorkGroupInfo")
	clSetKernelArg            = functions.Add("clSetKernelArg")
	clReleaseKernel           = functions.Add("clReleaseKernel")
	clEnqueueNDRangeKernel    = functions.Add("clEnqueueNDRangeKernel")
	clEnqueueReadBuffer       = functions.Add("clEnqueueReadBuffer")
	clEnqueueWriteBuffer      = functions.Add("clEnqueueWriteBuffer")
	clEnqueueCopyBuffer       = functions.Add("clEnqueueCopyBuffer")
	clEnqueueMapBuffer        = functions.Add("clEnqueueMapBuffer")
	clEnqueueUnmapMemObject   = functions.Add("clEnqueueUnmapMemObject")
	clFinish                  = functions.Add("clFinish")
)

// String is the function's name in C.
func (f function) String() string { return functions[f] }

// releasedBy maps functions that create a handle to the function that releases it.
var releasedBy = map[function]function{
	clCreateContext:           clReleaseContext,
	clCreateCommandQueue:      clReleaseCommandQueue,
	clCreateBuffer:            clReleaseMemObject,
	clCreateSubBuffer:         clReleaseMemObject,
	clCreateProgramWithSource: clReleaseProgram,
	clCreateProgramWithBinary: clReleaseProgram,
	clCreateKernel:            clReleaseKernel,
}

// Constants of the API.
const (
	trueValue = 1

	platformVersion = 0x0901
	platformName    = 0x0902

	deviceTypeAll = 0xFFFFFFFF
	deviceTypeCPU = 1 << 1
	deviceTypeGPU = 1 << 2

	deviceType              = 0x1000
	deviceMaxComputeUnits   = 0x1002
	deviceMaxWorkGroupSize  = 0x1004
	deviceMaxClockFrequency = 0x100C // in MHz
	deviceMaxMemAllocSize   = 0x1010
	deviceMemBaseAddrAlign  = 0x1019 // in bits
	deviceSingleFPConfig    = 0x101B
	deviceGlobalMemSize     = 0x101F
	deviceEndianLittle      = 0x1026
	deviceAvailable         = 0x1027
	deviceCompilerAvailable = 0x1028
	deviceName              = 0x102B
	deviceVendor            = 0x102C
	driverVersion           = 0x102D
	deviceVersion           = 0x102F
	deviceExtensions        = 0x1030
	deviceHostUnifiedMemory = 0x1035

	fpCorrectlyRoundedDivideSqrt = 1 << 7

	memReadWrite           = 1 << 0
	memAllocHostPtr        = 1 << 4
	mapWrite               = 1 << 1
	bufferCreateTypeRegion = 0x1220

	programBinarySizes = 0x1165
	programBinaries    = 0x1166
	programBuildLog    = 0x1183

	kernelNumArgs       = 0x1191
	kernelWorkGroupSize = 0x11B0
)

// handle is one of the API's objects.
type handle uintptr

// library is an opened loader.
type library struct {
	name    string // path or name that was opened
	address []uintptr

	live  []atomic.Int64       // unreleased handles, by the function that releases them
	fault func(function) int32 // for tests: a code other than 0 is returned instead of calling
}

// faulty returns a copy of the library with its own faults and handle counts.
func (l *library) faulty(fault func(function) int32) *library {
	return &library{name: l.name, address: l.address, live: make([]atomic.Int64, len(functions)), fault: fault}
}

// call calls a function that returns a status. Pointers among the arguments must be
// converted in the call expression itself, which pins what they point to.
//
//go:uintptrescapes
func (l *library) call(f function, args ...uintptr) error {
	if l.fault != nil {
		if code := l.fault(f); code != 0 {
			return &Error{f.String(), code}
		}
	}
	if code := int32(dynlib.Call(l.address[f], args...)); code != 0 {
		return &Error{f.String(), code}
	}
	return nil
}

// create calls a function that returns a new handle and, through its last parameter,
// which is added here, a status.
//
//go:uintptrescapes
func (l *library) create(f function, args ...uintptr) (handle, error) {
	h, err := l.result(f, args...)
	if err != nil {
		return 0, err
	}
	l.live[releasedBy[f]].Add(1)
	return handle(h), nil
}

// result calls a function that returns a value and, through its last parameter, which is
// added here, a status.
//
//go:uintptrescapes
func (l *library) result(f function, args ...uintptr) (uintptr, error) {
	if l.fault != nil {
		if code := l.fault(f); code != 0 {
			return 0, &Error{f.String(), code}
		}
	}
	status := new(int32)
	var pin runtime.Pinner
	pin.Pin(status)
	defer pin.Unpin()
	r := dynlib.Call(l.address[f], append(args, uintptr(unsafe.Pointer(status)))...)
	if *status != 0 {
		return 0, &Error{f.String(), *status}
	}
	return r, nil
}

// release releases a handle, if there is one. The handle is invalid afterwards, even if
// the call fails.
func (l *library) release(f function, h *handle) error {
	if *h == 0 {
		return nil
	}
	l.live[f].Add(-1)
	gone := *h
	*h = 0
	return l.call(f, uintptr(gone))
}

// bytes reads a property of any length. objects are the getter's first arguments.
func (l *library) bytes(f function, property uintptr, objects ...handle) ([]byte, error) {
	var size uintptr
	get := func(bytes uintptr, to *byte, size *uintptr) error {
		if len(objects) == 2 {
			return l.call(f, uintptr(objects[0]), uintptr(objects[1]), property, bytes, uintptr(unsafe.Pointer(to)), uintptr(unsafe.Pointer(size)))
		}
		return l.call(f, uintptr(objects[0]), property, bytes, uintptr(unsafe.Pointer(to)), uintptr(unsafe.Pointer(size)))
	}
	if err := get(0, nil, &size); err != nil || size == 0 {
		return nil, err
	}
	value := make([]byte, size)
	if err := get(size, &value[0], nil); err != nil {
		return nil, err
	}
	return value, nil
}

// number reads a property that is an integer of any width, or a bool.
func (l *library) number(f function, property uintptr, objects ...handle) (uint64, error) {
	value, err := l.bytes(f, property, objects...)
	var n [8]byte
	copy(n[:], value)
	return binary.LittleEndian.Uint64(n[:]), err
}

// text reads a property that is a string.
func (l *library) text(f function, property uintptr, objects ...handle) (string, error) {
	value, err := l.bytes(f, property, objects...)
	return strings.TrimRight(string(value), "\x00"), err
}

// Error is a failed call.
type Error struct {
	Function string // "clBuildProgram"
	Code     int32
}

// Error returns the names of the function and of the code.
func (e *Error) Error() string {
	name, ok := errorNames[e.Code]
	if !ok {
		name = "an error that the standard doesn't name"
	}
	return fmt.Sprintf("%s: %s (%d)", e.Function, name, e.Code)
}

// is reports whether err is a failed call with that code.
func is(err error, code int32) bool {
	e, ok := err.(*Error)
	return ok && e.Code == code
}

// joined joins errors, without duplicates: a lost device fails all releases alike.
func joined(errs []error) error {
	seen := map[string]bool{}
	var distinct []error
	for _, err := range errs {
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			distinct = append(distinct, err)
		}
	}
	return errors.Join(distinct...)
}

// Error codes that the driver handles.
const (
	deviceNotFound      = -1
	memAllocationFailed = -4
	outOfResources      = -5
	eventsInWaitList    = -14
	platformNotFound    = -1001
)

// errorNames are the codes of the OpenCL 3.0 specification and the loader.
var errorNames = map[int32]string{
	-1: "CL_DEVICE_NOT_FOUND", -2: "CL_DEVICE_NOT_AVAILABLE",
	-3: "CL_COMPILER_NOT_AVAILABLE", -4: "CL_MEM_OBJECT_ALLOCATION_FAILURE",
	-5: "CL_OUT_OF_RESOURCES", -6: "CL_OUT_OF_HOST_MEMORY",
	-7: "CL_PROFILING_INFO_NOT_AVAILABLE", -8: "CL_MEM_COPY_OVERLAP",
	-9: "CL_IMAGE_FORMAT_MISMATCH", -10: "CL_IMAGE_FORMAT_NOT_SUPPORTED",
	-11: "CL_BUILD_PROGRAM_FAILURE", -12: "CL_MAP_FAILURE",
	-13: "CL_MISALIGNED_SUB_BUFFER_OFFSET",
	-14: "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST", -15: "CL_COMPILE_PROGRAM_FAILURE",
	-16: "CL_LINKER_NOT_AVAILABLE", -17: "CL_LINK_PROGRAM_FAILURE",
	-18: "CL_DEVICE_PARTITION_FAILED", -19: "CL_KERNEL_ARG_INFO_NOT_AVAILABLE",
	-30: "CL_INVALID_VALUE", -31: "CL_INVALID_DEVICE_TYPE", -32: "CL_INVALID_PLATFORM",
	-33: "CL_INVALID_DEVICE", -34: "CL_INVALID_CONTEXT",
	-35: "CL_INVALID_QUEUE_PROPERTIES", -36: "CL_INVALID_COMMAND_QUEUE",
	-37: "CL_INVALID_HOST_PTR", -38: "CL_INVALID_MEM_OBJECT",
	-39: "CL_INVALID_IMAGE_FORMAT_DESCRIPTOR", -40: "CL_INVALID_IMAGE_SIZE",
	-41: "CL_INVALID_SAMPLER", -42: "CL_INVALID_BINARY", -43: "CL_INVALID_BUILD_OPTIONS",
	-44: "CL_INVALID_PROGRAM", -45: "CL_INVALID_PROGRAM_EXECUTABLE",
	-46: "CL_INVALID_KERNEL_NAME", -47: "CL_INVALID_KERNEL_DEFINITION",
	-48: "CL_INVALID_KERNEL", -49: "CL_INVALID_ARG_INDEX", -50: "CL_INVALID_ARG_VALUE",
	-51: "CL_INVALID_ARG_SIZE", -52: "CL_INVALID_KERNEL_ARGS",
	-53: "CL_INVALID_WORK_DIMENSION", -54: "CL_INVALID_WORK_GROUP_SIZE",
	-55: "CL_INVALID_WORK_ITEM_SIZE", -56: "CL_INVALID_GLOBAL_OFFSET",
	-57: "CL_INVALID_EVENT_WAIT_LIST", -58: "CL_INVALID_EVENT",
	-59: "CL_INVALID_OPERATION", -60: "CL_INVALID_GL_OBJECT",
	-61: "CL_INVALID_BUFFER_SIZE", -62: "CL_INVALID_MIP_LEVEL",
	-63: "CL_INVALID_GLOBAL_WORK_SIZE", -64: "CL_INVALID_PROPERTY",
	-65: "CL_INVALID_IMAGE_DESCRIPTOR", -66: "CL_INVALID_COMPILER_OPTIONS",
	-67: "CL_INVALID_LINKER_OPTIONS", -68: "CL_INVALID_DEVICE_PARTITION_COUNT",
	-69: "CL_INVALID_PIPE_SIZE", -70: "CL_INVALID_DEVICE_QUEUE", -71: "CL_INVALID_SPEC_ID",
	-72: "CL_MAX_SIZE_RESTRICTION_EXCEEDED", -1001: "CL_PLATFORM_NOT_FOUND_KHR",
}

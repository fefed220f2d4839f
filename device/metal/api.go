package metal

import (
	"strings"

	"github.com/flowrun/flowrun/device/internal/dynlib"
)

// function is a C function of the Objective-C runtime or of Metal.
type function int

var functions dynlib.Names[function]

var (
	objcMsgSend                  = functions.Add("objc_msgSend")
	objcMsgSendStret             = functions.Add("objc_msgSend_stret")
	objcGetClass                 = functions.Add("objc_getClass")
	selRegisterName              = functions.Add("sel_registerName")
	objcAutoreleasePoolPush      = functions.Add("objc_autoreleasePoolPush")
	objcAutoreleasePoolPop       = functions.Add("objc_autoreleasePoolPop")
	mtlCreateSystemDefaultDevice = functions.Add("MTLCreateSystemDefaultDevice")
	mtlCopyAllDevices            = functions.Add("MTLCopyAllDevices")
)

// ofMetal distinguishes Metal's functions from the Objective-C runtime's.
func (f function) ofMetal() bool { return f >= mtlCreateSystemDefaultDevice }

// class is a class that is looked up by name; other objects come from messages.
type class int

var classes dynlib.Names[class]

var (
	nsString          = classes.Add("NSString")
	mtlCompileOptions = classes.Add("MTLCompileOptions")
)

// message is a selector. The comment beside each is its type in Apple's documentation,
// without argument labels.
type message int

var selectors dynlib.Names[message]

var (
	alloc              = selectors.Add("alloc")
	initialize         = selectors.Add("init")
	retain             = selectors.Add("retain")
	release            = selectors.Add("release")
	respondsToSelector = selectors.Add("respondsToSelector:") // (SEL) → BOOL

	initWithBytes        = selectors.Add("initWithBytes:length:encoding:") // (const void *, NSUInteger, NSStringEncoding) → NSString
	utf8String           = selectors.Add("UTF8String")                     // → const char *, valid as long as the pool
	count                = selectors.Add("count")
	objectAtIndex        = selectors.Add("objectAtIndex:") // (NSUInteger) → id, not retained
	code                 = selectors.Add("code")           // → NSInteger
	localizedDescription = selectors.Add("localizedDescription")

	name                         = selectors.Add("name")       // → NSString
	registryID                   = selectors.Add("registryID") // → uint64_t
	hasUnifiedMemory             = selectors.Add("hasUnifiedMemory")
	recommendedMaxWorkingSetSize = selectors.Add("recommendedMaxWorkingSetSize")
	maxBufferLength              = selectors.Add("maxBufferLength")
	maxThreadsPerThreadgroup     = selectors.Add("maxThreadsPerThreadgroup") // → MTLSize
	maxThreadgroupMemoryLength   = selectors.Add("maxThreadgroupMemoryLength")
	supportsFamily               = selectors.Add("supportsFamily:")                            // (MTLGPUFamily) → BOOL
	newCommandQueue              = selectors.Add("newCommandQueueWithMaxCommandBufferCount:")  // (NSUInteger) → id<MTLCommandQueue>
	newBuffer                    = selectors.Add("newBufferWithLength:options:")               // (NSUInteger, MTLResourceOptions) → id<MTLBuffer>
	newLibrary                   = selectors.Add("newLibraryWithSource:options:error:")        // (NSString, MTLCompileOptions, NSError **) → id<MTLLibrary>
	newPipelineState             = selectors.Add("newComputePipelineStateWithFunction:error:") // (id<MTLFunction>, NSError **) → id<MTLComputePipelineState>

	setLanguageVersion            = selectors.Add("setLanguageVersion:")            // (MTLLanguageVersion)
	setMathMode                   = selectors.Add("setMathMode:")                   // (MTLMathMode), since macOS 15
	setMathFloatingPointFunctions = selectors.Add("setMathFloatingPointFunctions:") // (MTLMathFloatingPointFunctions), since macOS 15
	setFastMathEnabled            = selectors.Add("setFastMathEnabled:")            // (BOOL), before macOS 15

	newFunction                   = selectors.Add("newFunctionWithName:") // (NSString) → id<MTLFunction>
	maxTotalThreadsPerThreadgroup = selectors.Add("maxTotalThreadsPerThreadgroup")
	threadExecutionWidth          = selectors.Add("threadExecutionWidth")
	staticThreadgroupMemoryLength = selectors.Add("staticThreadgroupMemoryLength")
	contents                      = selectors.Add("contents") // → void *

	commandBuffer         = selectors.Add("commandBuffer")         // → id<MTLCommandBuffer>, autoreleased
	computeCommandEncoder = selectors.Add("computeCommandEncoder") // → id<MTLComputeCommandEncoder>, autoreleased
	commit                = selectors.Add("commit")
	waitUntilCompleted    = selectors.Add("waitUntilCompleted")
	status                = selectors.Add("status") // → MTLCommandBufferStatus
	failure               = selectors.Add("error")  // → NSError

	setComputePipelineState = selectors.Add("setComputePipelineState:")                    // (id<MTLComputePipelineState>)
	setBuffer               = selectors.Add("setBuffer:offset:atIndex:")                   // (id<MTLBuffer>, NSUInteger, NSUInteger)
	setBuffers              = selectors.Add("setBuffers:offsets:withRange:")               // (const id<MTLBuffer> [], const NSUInteger [], NSRange)
	setBytes                = selectors.Add("setBytes:length:atIndex:")                    // (const void *, NSUInteger, NSUInteger)
	dispatchThreadgroups    = selectors.Add("dispatchThreadgroups:threadsPerThreadgroup:") // (MTLSize, MTLSize)
	endEncoding             = selectors.Add("endEncoding")
)

// String is the selector without a trailing colon.
func (m message) String() string { return strings.TrimSuffix(selectors[m], ":") }

// Constants of the API.
const (
	utf8Encoding      = 4 // NSUTF8StringEncoding
	storageModeShared = 0 // MTLResourceStorageModeShared, with all other defaults: hazards are tracked
	languageVersion3  = 3 << 16
	mathModeSafe      = 0
	functionsPrecise  = 1 // MTLMathFloatingPointFunctionsPrecise
	statusCompleted   = 4
	statusError       = 5
	familyApple1      = 1001 // MTLGPUFamilyApple1; the later ones follow
	familyApple7      = 1007 // the M1, the first Mac GPU with simdgroup_matrix
	familyAppleLast   = 1020 // later than any existing family; unknown ones are reported as unsupported
	maxBuffers        = 31   // per kernel
	maxInline         = 4096 // limit of setBytes, in bytes
	largestElement    = 16   // largest access by a kernel, in bytes
	offsetAlignment   = 16   // of a buffer in the device address space, for elements of any size
	constantAlignment = 256  // of a buffer in the constant address space: 32 on Intel's Macs, and 4 on Apple silicon
	simdWidth         = 32   // what kernels are written for
)

internal import COpenSSL

/// Whether two secrets are equal, in a time that depends on their lengths alone.
public func constantTimeEqual(
    _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer
) -> Bool {
    guard left.count == right.count else { return false }
    guard let leftStart = left.baseAddress, let rightStart = right.baseAddress else {
        // Two empty buffers.
        return true
    }
    return circles_constant_time_equal(leftStart, rightStart, left.count) == 1
}

import Testing

/// Whole-system tests of media; one at a time, because their clients need the machine.
@Suite("Media between real clients", .serialized)
enum MediaTests {}

internal import CCairo

/// A picture being drawn with cairo, freed with this object.
///
/// cairo: "Cairo is thread-safe in the sense that different threads may use different objects"
/// (the FAQ of cairographics.org); each canvas stays in the call that made it.
final class Canvas {
    /// cairo could not do it: out of memory, or a picture without area.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    struct Color {
        let red: Double
        let green: Double
        let blue: Double

        /// - Parameter code: `0xRRGGBB`.
        init(_ code: UInt32) {
            red = Double(code >> 16 & 0xFF) / 255
            green = Double(code >> 8 & 0xFF) / 255
            blue = Double(code & 0xFF) / 255
        }
    }

    enum Alignment: Double {
        case left = 0
        case center = 0.5
        case right = 1
    }

    private let surface: OpaquePointer
    private let context: OpaquePointer
    private let fontSize: Double
    /// Whether there is a font to write with: a server may have none, and then cairo would take
    /// back the whole picture.
    let hasFont: Bool

    /// A transparent picture.
    ///
    /// - Parameters:
    ///   - scale: pixels per unit of width and height.
    ///   - fontSize: in those units.
    /// - Throws: `Failure`.
    init(width: Double, height: Double, scale: Double, fontSize: Double) throws(Failure) {
        // cairo never returns null: a failed object says so by its status.
        let surface = cairo_image_surface_create(
            CAIRO_FORMAT_ARGB32, Int32(width * scale), Int32(height * scale))
        let context = cairo_create(surface)
        guard let surface, let context, cairo_status(context) == CAIRO_STATUS_SUCCESS else {
            cairo_destroy(context)
            cairo_surface_destroy(surface)
            throw Failure(description: "cairo makes no picture")
        }
        self.surface = surface
        self.context = context
        self.fontSize = fontSize
        hasFont = Self.findsFont(fontSize)
        cairo_scale(context, scale, scale)
        guard hasFont else { return }
        Self.family.withCString {
            cairo_select_font_face(
                context, $0, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL)
        }
        cairo_set_font_size(context, fontSize)
    }

    deinit {
        cairo_destroy(context)
        cairo_surface_destroy(surface)
    }

    private static let family = "DejaVu Sans"

    /// Tries the font on an object of its own: an error stays with the object that has it.
    private static func findsFont(_ size: Double) -> Bool {
        let face = cairo_toy_font_face_create(
            family, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL)
        let options = cairo_font_options_create()
        var (matrix, identity) = (cairo_matrix_t(), cairo_matrix_t())
        cairo_matrix_init_scale(&matrix, size, size)
        cairo_matrix_init_identity(&identity)
        let font = cairo_scaled_font_create(face, &matrix, &identity, options)
        defer {
            cairo_scaled_font_destroy(font)
            cairo_font_options_destroy(options)
            cairo_font_face_destroy(face)
        }
        var extents = cairo_text_extents_t()
        cairo_scaled_font_text_extents(font, "0", &extents)
        return cairo_scaled_font_status(font) == CAIRO_STATUS_SUCCESS && extents.x_advance > 0
    }

    // MARK: Drawing

    /// Draws a polyline.
    func stroke(_ points: [(x: Double, y: Double)], _ color: Color, width: Double) {
        trace(points)
        set(color, alpha: 1)
        cairo_set_line_width(context, width)
        cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
        cairo_stroke(context)
    }

    /// Fills a polygon.
    func fill(_ points: [(x: Double, y: Double)], _ color: Color, alpha: Double) {
        trace(points)
        set(color, alpha: alpha)
        cairo_fill(context)
    }

    /// Writes a text beside `x`, its middle at the height `y`; nothing without a font.
    func write(_ text: String, x: Double, y: Double, _ color: Color, _ alignment: Alignment) {
        guard hasFont else { return }
        set(color, alpha: 1)
        var extents = cairo_text_extents_t()
        cairo_text_extents(context, text, &extents)
        // A digit of DejaVu Sans is 0.73 of its size high; that holds for the whole line.
        cairo_move_to(
            context, x - extents.x_advance * alignment.rawValue, y + fontSize * 0.73 / 2)
        cairo_show_text(context, text)
    }

    private func trace(_ points: [(x: Double, y: Double)]) {
        cairo_new_path(context)
        for point in points { cairo_line_to(context, point.x, point.y) }
    }

    private func set(_ color: Color, alpha: Double) {
        cairo_set_source_rgba(context, color.red, color.green, color.blue, alpha)
    }

    // MARK: Output

    /// - Throws: `Failure`.
    func png() throws(Failure) -> [UInt8] {
        let sink = Sink()
        let status = cairo_surface_write_to_png_stream(
            surface,
            { sink, bytes, count in
                guard let sink else { return CAIRO_STATUS_WRITE_ERROR }
                Unmanaged<Sink>.fromOpaque(sink).takeUnretainedValue().bytes
                    .append(contentsOf: UnsafeBufferPointer(start: bytes, count: Int(count)))
                return CAIRO_STATUS_SUCCESS
            }, Unmanaged.passUnretained(sink).toOpaque())
        for status in [cairo_status(context), status] where status != CAIRO_STATUS_SUCCESS {
            throw Failure(description: String(cString: cairo_status_to_string(status)))
        }
        return sink.bytes
    }

    private final class Sink {
        var bytes: [UInt8] = []
    }
}

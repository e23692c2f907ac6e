#pragma once
#include <opus/opus.h>

/* libopus's controls are variadic, which Swift does not import. Each returns an Opus code. */

static inline int circles_opus_set_bitrate(OpusEncoder *encoder, opus_int32 bits_per_second) {
    return opus_encoder_ctl(encoder, OPUS_SET_BITRATE(bits_per_second));
}

static inline int circles_opus_set_inband_fec(OpusEncoder *encoder, opus_int32 is_on) {
    return opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(is_on));
}

static inline int circles_opus_set_dtx(OpusEncoder *encoder, opus_int32 is_on) {
    return opus_encoder_ctl(encoder, OPUS_SET_DTX(is_on));
}

static inline int circles_opus_set_packet_loss(OpusEncoder *encoder, opus_int32 percent) {
    return opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(percent));
}

static inline int circles_opus_set_complexity(OpusEncoder *encoder, opus_int32 complexity) {
    return opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(complexity));
}

static inline int circles_opus_set_vbr(OpusEncoder *encoder, opus_int32 is_on) {
    return opus_encoder_ctl(encoder, OPUS_SET_VBR(is_on));
}

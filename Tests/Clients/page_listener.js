// Put into the page by page_client.py: measures what the page's audio elements play, and the
// contrast of its texts. It knows nothing of the page's own code.
(() => {
    const FFT_SIZE = 8192;
    const NOTHING_DBFS = -120;
    const context = new AudioContext({ sampleRate: 48000 });
    const analysers = new WeakMap();

    function analyserOf(element) {
        let analyser = analysers.get(element.srcObject);
        if (!analyser) {
            analyser = new AnalyserNode(context, { fftSize: FFT_SIZE, smoothingTimeConstant: 0 });
            new MediaStreamAudioSourceNode(context, { mediaStream: element.srcObject })
                .connect(analyser);
            analysers.set(element.srcObject, analyser);
        }
        return analyser;
    }

    /// The dominant frequency in Hz and the RMS in dBFS of the last 171 ms.
    function measure(analyser) {
        const samples = new Float32Array(FFT_SIZE);
        analyser.getFloatTimeDomainData(samples);
        const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / FFT_SIZE;
        const dbfs = 10 * Math.log10(power);
        if (!(dbfs > NOTHING_DBFS)) return { hz: null, dbfs: NOTHING_DBFS };
        const bins = new Float32Array(analyser.frequencyBinCount);
        analyser.getFloatFrequencyData(bins);
        let peak = 1;
        for (let bin = 2; bin < bins.length - 1; bin++) if (bins[bin] > bins[peak]) peak = bin;
        return { hz: peak * context.sampleRate / FFT_SIZE, dbfs };
    }

    window.takeReadings = () => [...document.querySelectorAll("audio")]
        .filter((element) => element.dataset.uid && !element.paused)
        .map((element) => ({ uid: element.dataset.uid, ...measure(analyserOf(element)) }));

    /// What sticks out to the right.
    window.wideElements = () => [...document.body.querySelectorAll("*")]
        .filter((element) => element.checkVisibility()
            && element.getBoundingClientRect().right > document.documentElement.clientWidth)
        .map((element) => `${element.localName}#${element.id}.${element.getAttribute("class")}`)
        .slice(0, 8);

    // Contrast (WCAG 2.2 §1.4.3): each text against the solid grounds behind it.

    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

    /// A CSS colour as [red, green, blue, alpha], whatever space it is written in.
    function parse(colour) {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
        return [red, green, blue, alpha / 255];
    }

    const over = (top, ground) => [0, 1, 2].map((index) =>
        top[index] * top[3] + ground[index] * (1 - top[3]));

    function groundOf(element) {
        const layers = [];
        for (let each = element; each; each = each.parentElement) {
            layers.unshift(parse(getComputedStyle(each).backgroundColor));
        }
        return layers.reduce((ground, layer) => over(layer, ground), [255, 255, 255]);
    }

    const luminance = (colour) => colour.map((value) => value / 255)
        .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
        .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);

    window.paleTexts = () => {
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const pale = [];
        while (walker.nextNode()) {
            const element = walker.currentNode.parentElement;
            if (!walker.currentNode.data.trim() || !element.checkVisibility()
                || element.closest(".visually-hidden")) continue;
            const style = getComputedStyle(element);
            const ground = groundOf(element);
            const text = over(parse(style.color), ground);
            const [high, low] = [luminance(text), luminance(ground)].sort((a, b) => b - a);
            const ratio = (high + 0.05) / (low + 0.05);
            const size = parseFloat(style.fontSize);
            const isLarge = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
            if (ratio < (isLarge ? 3 : 4.5)) {
                pale.push(`${walker.currentNode.data.trim()} (${ratio.toFixed(2)})`);
            }
        }
        return pale;
    };
})();

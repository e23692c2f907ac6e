-- For wrk: each line of the file named by the environment's REQUESTS is `METHOD path token`, sent
-- once each in turn; begins anew past the end.
local requests = {}
local index = 0

-- wrk knows the Host header from here on.
init = function(arguments)
    for line in io.lines(os.getenv("REQUESTS")) do
        local method, path, token = line:match("^(%S+) (%S+) (%S+)$")
        requests[#requests + 1] = wrk.format(method, path, {
            ["Host"] = wrk.headers["Host"], ["X-API-Key"] = os.getenv("API_KEY"),
            ["Authorization"] = "Bearer " .. token,
        })
    end
end

request = function()
    index = index % #requests + 1
    return requests[index]
end

done = function(summary, latency)
    io.write(string.format("RESULT %d %d %.1f %.1f\n", summary.requests,
        summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
        summary.duration / 1e6, latency:percentile(99) / 1000))
end

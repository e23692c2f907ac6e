extension SummaryMail {
    static let text = """
        {{{title}}}
        {{{when}}}
        {{#end}}
        {{{sentence}}}
        {{/end}}

        {{#plainTiles}}
        {{{label}}}:{{{padding}}}{{{value}}}
        {{/plainTiles}}
        {{#sections}}

        {{{heading}}}
        {{#rows}}
        {{{plainLabel}}}:{{{padding}}}{{{plainValue}}}
        {{/rows}}
        {{#note}}
        {{{plain}}}
        {{/note}}
        {{/sections}}
        {{#plainReport}}

        The full report: {{{.}}}
        {{/plainReport}}

        --\u{20}
        You get this because you opened this circle ({{{circle}}}).
        {{#unsubscribe}}
        No more summaries: {{{plain}}}
        {{/unsubscribe}}

        """

    /// Tables with inline styles and `bgcolor`, which Outlook's engine (Word) needs; the rules in
    /// the head are for dark screens and small ones, in clients that know them.
    static let html = """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="supported-color-schemes" content="light dark">
        <title>{{{escapedTitle}}}</title>
        <style>
        :root { color-scheme: light dark; supported-color-schemes: light dark; }
        a { color: #0b6bb0; }
        @media (max-width: 480px) {
        .outer { padding: 0 !important; }
        .card { padding: 20px 16px !important; border-radius: 0 !important; }
        .number { font-size: 22px !important; }
        }
        @media (prefers-color-scheme: dark) {
        .page { background: #121216 !important; }
        .card { background: #1e1e24 !important; }
        .tile { background: #2a2a33 !important; }
        .strong { color: #f2f2f5 !important; }
        .soft { color: #b3b3bf !important; }
        .rule { border-color: #3a3a44 !important; }
        .rest { background: #3a3a44 !important; }
        a { color: #6cb8ec !important; }
        .button { color: #ffffff !important; }
        }
        [data-ogsc] .strong { color: #f2f2f5 !important; }
        [data-ogsc] .soft { color: #b3b3bf !important; }
        [data-ogsb] .page { background: #121216 !important; }
        [data-ogsb] .card { background: #1e1e24 !important; }
        [data-ogsb] .tile { background: #2a2a33 !important; }
        </style>
        </head>
        <body class="page" bgcolor="#f1f1f5" style="margin:0;padding:0;background:#f1f1f5;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
        <div style="display:none;max-height:0;overflow:hidden;mso-hide:all">{{{preheader}}}</div>
        <table class="page" role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" bgcolor="#f1f1f5" style="background:#f1f1f5"><tr><td class="outer" align="center" style="padding:24px 12px">
        <!--[if mso]><table role="presentation" width="600" cellpadding="0" cellspacing="0" border="0"><tr><td><![endif]-->
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:600px"><tr><td class="card" align="left" bgcolor="#ffffff" style="background:#ffffff;border-radius:14px;padding:32px">
        <div class="soft" style="font-size:12px;line-height:16px;letter-spacing:1px;text-transform:uppercase;color:#62626e">Your circle in numbers</div>
        <h1 class="strong" dir="auto" style="margin:6px 0 4px;font-size:24px;line-height:30px;font-weight:700;color:#16161d;word-break:break-word">{{{escapedTitle}}}</h1>
        <div class="soft" style="font-size:14px;line-height:20px;color:#62626e">{{when}}{{#end}}<br>{{sentence}}{{/end}}</div>
        <table role="presentation" width="100%" cellpadding="0" cellspacing="8" border="0" style="margin:16px 0 8px">
        {{#tileRows}}
        <tr>
        {{#tiles}}
        <td class="tile" width="50%" valign="top" bgcolor="#f5f5f9" style="background:#f5f5f9;border-radius:10px;padding:14px 16px"><div class="soft" style="font-size:13px;line-height:18px;color:#62626e">{{{label}}}</div><div class="number strong" style="font-size:26px;line-height:32px;font-weight:700;color:#16161d">{{{value}}}</div>{{#detail}}<div class="soft" style="font-size:12px;line-height:16px;color:#62626e">{{{detail}}}</div>{{/detail}}</td>
        {{/tiles}}
        </tr>
        {{/tileRows}}
        </table>
        {{#chart}}
        <img src="cid:{{{cid}}}" width="{{{width}}}" height="{{{height}}}" alt="{{{alt}}}" class="soft" style="display:block;width:100%;max-width:{{{width}}}px;height:auto;border:0;font-size:13px;line-height:18px;color:#62626e">
        {{/chart}}
        {{#sections}}
        <h2 class="strong" style="margin:26px 0 4px;font-size:16px;line-height:22px;font-weight:700;color:#16161d">{{{heading}}}</h2>
        <table width="100%" cellpadding="0" cellspacing="0" border="0" style="font-size:14px;line-height:20px">
        {{#rows}}
        <tr><td class="soft rule" width="54%" valign="top" dir="auto" style="padding:8px 12px 8px 0;border-top:1px solid #e4e4ec;color:#62626e;word-break:break-word">{{{label}}}{{#bar}}<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin-top:5px"><tr>{{#filled}}<td width="{{{percent}}}%" height="6" bgcolor="#0b78be" style="background:#0b78be;height:6px;font-size:0;line-height:6px;border-radius:3px">&nbsp;</td>{{/filled}}{{#rest}}<td class="rest" width="{{{percent}}}%" height="6" bgcolor="#e4e4ec" style="background:#e4e4ec;height:6px;font-size:0;line-height:6px;border-radius:3px">&nbsp;</td>{{/rest}}</tr></table>{{/bar}}</td><td class="strong rule" align="right" valign="top" style="padding:8px 0;border-top:1px solid #e4e4ec;color:#16161d;font-weight:600;word-break:break-word">{{{value}}}</td></tr>
        {{/rows}}
        </table>
        {{#note}}
        <div class="soft" style="font-size:12px;line-height:17px;padding-top:4px;color:#62626e">{{{html}}}</div>
        {{/note}}
        {{/sections}}
        {{#report}}
        <table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:28px 0 4px"><tr><td bgcolor="#0b6bb0" style="background:#0b6bb0;border-radius:8px;padding:11px 20px"><a class="button" href="{{{url}}}" style="font-size:15px;line-height:20px;font-weight:600;color:#ffffff;text-decoration:none">Open the full report</a></td></tr></table>
        {{/report}}
        <div class="soft rule" style="margin-top:28px;padding-top:14px;border-top:1px solid #e4e4ec;font-size:12px;line-height:18px;color:#62626e;word-break:break-word">You get this because you opened this circle ({{{circle}}}).{{#unsubscribe}}<br><a href="{{{url}}}">No more summaries</a>{{/unsubscribe}}</div>
        </td></tr></table>
        <!--[if mso]></td></tr></table><![endif]-->
        </td></tr></table>
        </body>
        </html>

        """
}

#!/usr/bin/env perl
# Fires EVENT once for each line of FILE, and prints how every run ended. (Debian: libzmq-ffi-perl)
#
#   lines.pl ENDPOINT EVENT FILE
#
# FILE may grow. FILE.told keeps how far it is told and the number of the last fact that was read.
use strict;
use warnings;
use Encode qw(decode);
use JSON::PP;
use ZMQ::FFI qw(ZMQ_REQ ZMQ_SUB ZMQ_RCVTIMEO);
use constant { ZMQ_HEARTBEAT_IVL => 75, ZMQ_HEARTBEAT_TIMEOUT => 77 };

my ($endpoint, $event, $name) = @ARGV;
my $context = ZMQ::FFI->new;
my ($at, $last) = (0, undef);
$| = 1;

# The answer. Until there is one the same body is sent again: its key makes that harmless.
sub ask {
    my $body = encode_json({@_});
    while (1) {
        my $socket = $context->socket(ZMQ_REQ);    # one without an answer cannot be used again
        $socket->die_on_error(0);
        $socket->set_linger(0);
        $socket->set(ZMQ_RCVTIMEO, int => 1000);
        $socket->connect($endpoint);
        $socket->send($body);
        my $reply = $socket->recv;
        my $answer = $socket->has_error ? undef : decode_json($reply);
        $socket->close;
        next unless $answer;
        return $answer unless $answer->{type} eq 'error' && $answer->{retry};
        select(undef, undef, undef, 0.5);          # busy, a full disk: not now
    }
}

sub save { open my $out, '>', "$name.told" or die $!; print $out "$at $last\n"; close $out }

sub fire {
    my ($line) = @_;
    my $key = "$event:$name:$at";
    chomp(my $text = decode('UTF-8', $line));
    my $answer = ask(type => 'event.fire', id => $key, event => $event, key => $key,
        payload => { line => $text });
    # A refusal that no repeating can mend: say so, and go on.
    warn "$name:$at: $answer->{code}: $answer->{detail}\n" if $answer->{type} eq 'error';
}

sub read_on {
    my $page = ask(type => 'event.list', topic => 'run/', after => $last);
    die "event.list: $page->{code}: $page->{detail}\n" if $page->{type} eq 'error';
    print "$_->{run} $_->{workflow} $_->{state}\n"
        for grep { $_->{type} eq 'run.ended' } @{ $page->{events} // [] };
    $last = $page->{last} // 0;
}

my @addresses = @{ ask(type => 'hello')->{endpoints}{events} };
my ($address) = grep { substr($_, 0, 3) eq substr($endpoint, 0, 3) } @addresses, $addresses[0];
my ($host) = $endpoint =~ m{^tcp://(.*):\d+$};
$address =~ s/\*|0\.0\.0\.0/$host/ if $host;
my $news = $context->socket(ZMQ_SUB);
$news->die_on_error(0);
$news->set(ZMQ_HEARTBEAT_IVL, int => 500);       # a connection cut without a word shows
$news->set(ZMQ_HEARTBEAT_TIMEOUT, int => 2000);
$news->set(ZMQ_RCVTIMEO, int => 500);
$news->subscribe($_) for 'run/', 'stat/';        # stat/ repeats the newest: a lost last one shows
$news->connect($address);

if (open my $in, '<', "$name.told") { ($at, $last) = split ' ', <$in> // '' }
$at //= 0;
$last //= ask(type => 'event.list', after => -1)->{newest} // 0;
open my $file, '<:raw', $name or die "$name: $!\n";
while (1) {
    seek $file, $at, 0;
    while (defined(my $line = <$file>)) {
        last unless $line =~ /\n\z/;             # it is still being written
        fire($line);
        $at += length $line;
        save();
    }
    my @frames = $news->recv_multipart;          # the bell; the record is event.list
    next if $news->has_error;
    my $message = decode_json($frames[1]);
    my $newest = $message->{newest} // $message->{seq} // 0;
    while ($last < $newest) { read_on(); save() }
}
